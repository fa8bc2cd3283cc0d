// What becomes of the fields of a block of Bernoulli units: samples, means, cumulants.
#include "cpu/kernels/bits.h"
#include "cpu/kernels/exponential.h"
#include "cpu/kernels/table.h"
#include "cpu/kernels/uniform.h"

#include <cmath>

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

template <typename Real>
void load(Block<const Real> fields, int64_t row, Real* x) {
  for (int64_t panel = 0; panel < kPanelsPerBlock; ++panel) {
    __builtin_memcpy(x + panel * kPanelUnits, fields.panel(panel) + row * kPanelUnits,
                     kPanelUnits * sizeof(Real));
  }
}

// u < σ(x) without a division: u (1 + exp(-x)) < 1.
template <typename Real>
void sample(Block<const Real> fields, int64_t units, const Real* scales, const Real* shift,
            Draw draw, BitRows states) {
  Real added[kBlockUnits] = {};
  for (int64_t i = 0; shift != nullptr && i < units; ++i) {
    added[i] = shift[i];
  }
  const uint64_t valid = units == kBlockUnits ? ~uint64_t{0} : (uint64_t{1} << units) - 1;
  const UniformGroup uniforms(draw);
  for (int64_t row = 0; row < fields.rows; ++row) {
    Real x[kBlockUnits];
    load(fields, row, x);
    float u[kBlockUnits];
    uniforms.row(draw.first_row + row, u);
    const Real scale = scales == nullptr ? Real(1) : scales[row];
    uint8_t active[kBlockUnits];
    for (int64_t i = 0; i < kBlockUnits; ++i) {
      const Real odds = exponential(-(scale * x[i] + added[i]));
      active[i] = static_cast<uint8_t>(static_cast<Real>(u[i]) * (1 + odds) < 1);
    }
    states.words[row * states.stride + draw.block] = gather_bits(active) & valid;
  }
}

template <typename Real>
Real mean_of(Real x) {
  return 1 / (1 + exponential(-x));
}

template <typename Real>
void mean(Block<const Real> fields, int64_t units, Matrix<Real> means) {
  for (int64_t row = 0; row < fields.rows; ++row) {
    Real x[kBlockUnits];
    load(fields, row, x);
    for (Real& value : x) {
      value = mean_of(value);
    }
    for (int64_t i = 0; i < units; ++i) {
      *means.at(row, i) = x[i];
    }
  }
}

template <typename Real>
void fixed_mean(Block<const Real> fields, Real step, Sum<Real>* means, int64_t panel_stride) {
  const Real per_step = 1 / step;
  for (int64_t panel = 0; panel < kPanelsPerBlock; ++panel) {
    const Real* const x = fields.panel(panel);
    Sum<Real>* const out = means + panel * panel_stride;
    for (int64_t i = 0; i < fields.rows * kPanelUnits; ++i) {
      out[i] = static_cast<Sum<Real>>(mean_of(x[i]) * per_step + Real(0.5));
    }
  }
}

template <typename Real>
void fixed_states(BitRows states, int64_t block, Real step, Sum<Real>* values,
                  int64_t panel_stride) {
  const auto one = static_cast<Sum<Real>>(1 / step);
  for (int64_t row = 0; row < states.rows; ++row) {
    const uint64_t word = states.words[row * states.stride + block];
    for (int64_t panel = 0; panel < kPanelsPerBlock; ++panel) {
      Sum<Real>* const out = values + panel * panel_stride + row * kPanelUnits;
      for (int64_t i = 0; i < kPanelUnits; ++i) {
        out[i] = ((word >> (panel * kPanelUnits + i)) & 1) != 0 ? one : 0;
      }
    }
  }
}

// softplus(x) = max(x, 0) + log(1 + exp(-|x|)). The logarithm is taken once, of the product of up
// to 64 factors between 1 and 2; what is kept is the product minus 1, which may be tiny.
template <typename Real>
void softplus_sum(Block<const Real> fields, int64_t units, double* sums, int64_t stride) {
  for (int64_t row = 0; row < fields.rows; ++row) {
    Real x[kBlockUnits];
    load(fields, row, x);
    double linear[kBlockUnits];
    double excess[kBlockUnits];
    for (int64_t i = 0; i < kBlockUnits; ++i) {
      const Real size = x[i] < 0 ? -x[i] : x[i];
      linear[i] = x[i] < 0 ? 0 : static_cast<double>(x[i]);
      excess[i] = static_cast<double>(exponential(-size));
    }
    for (int64_t i = units; i < kBlockUnits; ++i) {
      linear[i] = 0;
      excess[i] = 0;
    }
    for (int64_t half = kBlockUnits / 2; half > 0; half /= 2) {
      for (int64_t i = 0; i < half; ++i) {
        linear[i] += linear[half + i];
        excess[i] += excess[half + i] * (1 + excess[i]);
      }
    }
    sums[row * stride] = linear[0] + std::log1p(excess[0]);
  }
}

template <typename Real>
void softplus_change(Block<const Real> fields, int64_t units, const double* from, const double* to,
                     double* sums, int64_t stride) {
  for (int64_t row = 0; row < fields.rows; ++row) {
    Real x[kBlockUnits];
    load(fields, row, x);
    double linear[kBlockUnits];
    double before[kBlockUnits];
    double after[kBlockUnits];
    for (int64_t i = 0; i < kBlockUnits; ++i) {
      const double a = from[row] * static_cast<double>(x[i]);
      const double b = to[row] * static_cast<double>(x[i]);
      linear[i] = (b < 0 ? 0 : b) - (a < 0 ? 0 : a);
      before[i] = 1 + exponential(a < 0 ? a : -a);
      after[i] = 1 + exponential(b < 0 ? b : -b);
    }
    double total = 0;
    double product_before = 1;
    double product_after = 1;
    for (int64_t i = 0; i < units; ++i) {
      total += linear[i];
      product_before *= before[i];
      product_after *= after[i];
    }
    sums[row * stride] = total + std::log(product_after / product_before);
  }
}

}  // namespace

template <typename Real>
void add_bernoulli_kernels(RealKernels<Real>& kernels) {
  kernels.sample = &sample<Real>;
  kernels.mean = &mean<Real>;
  kernels.fixed_mean = &fixed_mean<Real>;
  kernels.fixed_states = &fixed_states<Real>;
  kernels.softplus_sum = &softplus_sum<Real>;
  kernels.softplus_change = &softplus_change<Real>;
}
template void add_bernoulli_kernels(RealKernels<float>&);
template void add_bernoulli_kernels(RealKernels<double>&);

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
