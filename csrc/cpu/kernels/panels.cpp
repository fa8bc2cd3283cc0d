// Weights in and gradients out: between matrices in any memory order and panels of 16 units.
#include "cpu/kernels/table.h"
#include "cpu/kernels/vector.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

constexpr int64_t kTile = kPanelUnits;

// A 16 x 16 tile, by interleaving its upper and lower half four times: each pass rotates the eight
// bits of an element's place by one.
template <typename Real>
void transpose_tile(Real* tile) {
  Real other[kTile * kTile];
  const auto interleave = [](const Real* from, Real* to) {
    constexpr int64_t kHalf = kTile * kTile / 2;
    for (int64_t i = 0; i < kHalf; ++i) {
      to[2 * i] = from[i];
      to[2 * i + 1] = from[kHalf + i];
    }
  };
  interleave(tile, other);
  interleave(other, tile);
  interleave(tile, other);
  interleave(other, tile);
}

// Rows of a panel [inputs][16] from the weights of up to 16 units; 0 for missing units.
template <typename Real>
void load_panel(Matrix<const Real> weight, int64_t units, int64_t inputs, Real* panel) {
  int64_t input = 0;
  if (units == kPanelUnits && weight.column_stride == 1) {
    for (; input + kTile <= inputs; input += kTile) {
      Real* const tile = panel + input * kPanelUnits;
      for (int64_t unit = 0; unit < kTile; ++unit) {
        __builtin_memcpy(tile + unit * kTile, weight.at(unit, input), kTile * sizeof(Real));
      }
      transpose_tile(tile);
    }
  } else if (units == kPanelUnits && weight.row_stride == 1) {
    for (; input < inputs; ++input) {
      __builtin_memcpy(panel + input * kPanelUnits, weight.at(0, input),
                       kPanelUnits * sizeof(Real));
    }
  }
  for (; input < inputs; ++input) {
    for (int64_t unit = 0; unit < kPanelUnits; ++unit) {
      panel[input * kPanelUnits + unit] = unit < units ? *weight.at(unit, input) : Real(0);
    }
  }
}

template <typename Real>
struct Exponent;
template <>
struct Exponent<float> {
  static constexpr int kMantissaBits = 23;
  static constexpr int kBias = 127;
  // Of the sizes of a unit's weights and bias: steps of 2^-20 or less.
  static constexpr float kLargestSum = 1024.0F;
};
template <>
struct Exponent<double> {
  static constexpr int kMantissaBits = 52;
  static constexpr int kBias = 1023;
  static constexpr double kLargestSum = 1048576.0;  // steps of 2^-42 or less
};

// 2^exponent, for an exponent of a normal number.
template <typename Real>
Real power_of_two(int64_t exponent) {
  using Layout = Exponent<Real>;
  return __builtin_bit_cast(
      Real, static_cast<Sum<Real>>((exponent + Layout::kBias) << Layout::kMantissaBits));
}

// The smallest exponent with size < 2^exponent, and no less than `least`.
template <typename Real>
int64_t exponent_above(Real size, int64_t least) {
  using Layout = Exponent<Real>;
  const auto biased =
      static_cast<int64_t>(__builtin_bit_cast(Sum<Real>, size) >> Layout::kMantissaBits);
  const int64_t exponent = biased - Layout::kBias + 1;
  return exponent < least ? least : exponent;
}

template <typename Real>
Sum<Real> rounded(Real value) {
  return static_cast<Sum<Real>>(value + (value < 0 ? Real(-0.5) : Real(0.5)));
}

template <typename Real>
bool pack_panel(Matrix<const Real> weight, const Real* bias, int64_t bias_stride, int64_t units,
                int64_t inputs, int64_t padded_inputs, Sum<Real>* panel, Sum<Real>* bias_sum,
                Real* step) {
  using Integer = Sum<Real>;
  // Sums stay below half of the integer's range, which leaves room for the rounding of each term.
  constexpr int64_t kSumBits = 8 * static_cast<int64_t>(sizeof(Integer)) - 2;
  constexpr int64_t kLeastExponent = 2 * kSumBits - Exponent<Real>::kBias;
  typedef Real MayAlias __attribute__((may_alias));
  auto* const values = reinterpret_cast<MayAlias*>(panel);
  static_assert(sizeof(Real) == sizeof(Integer));
  load_panel<MayAlias>({weight.values, weight.row_stride, weight.column_stride}, units, inputs,
                       values);

  alignas(kPanelUnits * sizeof(Real)) Real size[kPanelUnits];
  Real biases[kPanelUnits];
  for (int64_t unit = 0; unit < kPanelUnits; ++unit) {
    biases[unit] = unit < units ? bias[unit * bias_stride] : Real(0);
    size[unit] = biases[unit] < 0 ? -biases[unit] : biases[unit];
  }
  Lanes<Real> sizes = Lanes<Real>::load(size);
  for (int64_t input = 0; input < inputs; ++input) {
    sizes += Lanes<Real>::load(values + input * kPanelUnits).magnitude();
  }
  sizes.store(size);
  Real steps_per_one[kPanelUnits];
  bool fine = true;
  for (int64_t unit = 0; unit < kPanelUnits; ++unit) {
    fine = fine && size[unit] < Exponent<Real>::kLargestSum;
    const int64_t exponent = exponent_above(size[unit], kLeastExponent);
    step[unit] = power_of_two<Real>(exponent - kSumBits);
    steps_per_one[unit] = power_of_two<Real>(kSumBits - exponent);
    bias_sum[unit] = rounded(biases[unit] * steps_per_one[unit]);
  }
  if (!fine) {
    return false;
  }
  for (int64_t input = 0; input < inputs; ++input) {
    for (int64_t unit = 0; unit < kPanelUnits; ++unit) {
      const int64_t place = input * kPanelUnits + unit;
      panel[place] = rounded(values[place] * steps_per_one[unit]);
    }
  }
  for (int64_t place = inputs * kPanelUnits; place < padded_inputs * kPanelUnits; ++place) {
    panel[place] = 0;
  }
  return true;
}

template <typename Real>
void scale_sums(const Sum<Real>* sums, const Real* step, int64_t panels, int64_t rows,
                Real* fields) {
  using From = Lanes<Sum<Real>>;
  using To = Lanes<Real>;
  for (int64_t panel = 0; panel < panels; ++panel) {
    const To steps = To::load(step + panel * kPanelUnits);
    for (int64_t row = panel * rows; row < (panel + 1) * rows; ++row) {
      const From sum = From::load(sums + row * kPanelUnits);
      To field{};
      for (int64_t i = 0; i < To::kRegisters; ++i) {
        field.registers[i] =
            __builtin_convertvector(sum.registers[i], Register<Real>) * steps.registers[i];
      }
      field.store(fields + row * kPanelUnits);
    }
  }
}

template <typename Real>
void load_block(Matrix<const Real> fields, int64_t units, Block<Real> block) {
  for (int64_t panel = 0; panel < kPanelsPerBlock; ++panel) {
    for (int64_t row = 0; row < block.rows; ++row) {
      for (int64_t i = 0; i < kPanelUnits; ++i) {
        const int64_t unit = panel * kPanelUnits + i;
        block.panel(panel)[row * kPanelUnits + i] = unit < units ? *fields.at(row, unit) : Real(0);
      }
    }
  }
}

template <typename Real>
void add_sums(const Sum<Real>* sums, int64_t rows, Real factor, bool assign, Real* values) {
  if (assign) {
    for (int64_t i = 0; i < rows * kPanelUnits; ++i) {
      values[i] = static_cast<Real>(sums[i]) * factor;
    }
  } else {
    for (int64_t i = 0; i < rows * kPanelUnits; ++i) {
      values[i] += static_cast<Real>(sums[i]) * factor;
    }
  }
}

// 16 neighbours.
template <typename Real>
void store(const Real* values, Real* out, bool add) {
  if (!add) {
    __builtin_memcpy(out, values, kPanelUnits * sizeof(Real));
    return;
  }
  for (int64_t i = 0; i < kPanelUnits; ++i) {
    out[i] += values[i];
  }
}

template <typename Real>
void store_panel(const Real* values, int64_t columns, int64_t units, Matrix<Real> matrix,
                 bool add) {
  int64_t column = 0;
  if (units == kPanelUnits && matrix.column_stride == 1) {
    for (; column + kTile <= columns; column += kTile) {
      Real tile[kTile * kTile];
      __builtin_memcpy(tile, values + column * kPanelUnits, sizeof(tile));
      transpose_tile(tile);
      for (int64_t unit = 0; unit < kTile; ++unit) {
        store(tile + unit * kTile, matrix.at(unit, column), add);
      }
    }
  } else if (units == kPanelUnits && matrix.row_stride == 1) {
    for (; column < columns; ++column) {
      store(values + column * kPanelUnits, matrix.at(0, column), add);
    }
  }
  for (; column < columns; ++column) {
    for (int64_t unit = 0; unit < units; ++unit) {
      Real& out = *matrix.at(unit, column);
      out = (add ? out : Real(0)) + values[column * kPanelUnits + unit];
    }
  }
}

template <typename Real>
void store_transposed(const Real* values, int64_t rows, int64_t units, Matrix<Real> matrix,
                      bool add) {
  for (int64_t first = 0; first < units; first += kPanelUnits) {
    const int64_t count = units - first < kPanelUnits ? units - first : kPanelUnits;
    store_panel(values + first * rows, rows, count,
                {matrix.at(first, 0), matrix.row_stride, matrix.column_stride}, add);
  }
}

}  // namespace

template <typename Real>
void add_panel_kernels(RealKernels<Real>& kernels) {
  kernels.pack_panel = &pack_panel<Real>;
  kernels.scale_sums = &scale_sums<Real>;
  kernels.load_block = &load_block<Real>;
  kernels.add_sums = &add_sums<Real>;
  kernels.store_transposed = &store_transposed<Real>;
}
template void add_panel_kernels(RealKernels<float>&);
template void add_panel_kernels(RealKernels<double>&);

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
