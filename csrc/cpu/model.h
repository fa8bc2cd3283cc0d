// An RBM of binary units, packed for the kernels, and the steps that every sampler is made of.
#pragma once

#include "cpu/binary_model.h"
#include "cpu/csr.h"
#include "cpu/key.h"
#include "cpu/product.h"
#include "reference/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>

namespace torch_rbm::cpu {

using at::Tensor;

template <typename Real>
[[nodiscard]] at::TensorOptions real_options() {
  return at::TensorOptions().dtype(c10::CppTypeToScalarType<Real>::value);
}

/// The visible states of some rows: bits where all are 0 or 1, else numbers.
struct Visible {
  States states;
  Tensor dense;  // [rows, visible] in the dtype of sums; undefined where states are bits

  [[nodiscard]] bool binary() const { return !dense.defined(); }
};

/// Units that are in the model, in the two forms that states have.
struct Observed {
  States states;
  Tensor missing;  // bool [rows, visible]

  /// Rows from `first` on of a bool tensor [rows, visible].
  Observed(const Tensor& observed, int64_t first, int64_t rows)
      : states(rows, observed.size(1)), missing(observed.narrow(0, first, rows).logical_not()) {
    TORCH_INTERNAL_ASSERT(states.read(observed, first));
  }
};

/// Samples of units with fields scale * field + shift; `scales` has one value a row, `shift` one a
/// unit.
template <typename Real>
struct SampleTo {
  States& states;
  Draw draw;
  const Real* scales = nullptr;
  const Real* shift = nullptr;

  void operator()(Block<const Real> fields, int64_t block, int64_t first_row) const {
    const int64_t first = block * kBlockUnits;
    Draw here = draw;
    here.first_row += first_row;
    here.block = block;
    kernels().real<Real>().sample(fields, std::min(kBlockUnits, states.units() - first),
                                  scales == nullptr ? nullptr : scales + first_row,
                                  shift == nullptr ? nullptr : shift + first, here,
                                  states.bits().from(first_row, first_row + fields.rows));
  }
};

/// A tensor [rows, units] of dtype Real that takes a value for each unit.
template <typename Real>
struct IntoTensor {
  Matrix<Real> out;
  int64_t units;

  explicit IntoTensor(const Tensor& tensor)
      : out{tensor.mutable_data_ptr<Real>(), tensor.stride(0), tensor.stride(1)},
        units(tensor.size(1)) {}
};

/// Means of units.
template <typename Real>
struct MeanTo : IntoTensor<Real> {
  using IntoTensor<Real>::IntoTensor;
  using IntoTensor<Real>::out;
  using IntoTensor<Real>::units;

  void operator()(Block<const Real> fields, int64_t block, int64_t first_row) const {
    const int64_t first = block * kBlockUnits;
    kernels().real<Real>().mean(fields, std::min(kBlockUnits, units - first),
                                {out.at(first_row, first), out.row_stride, out.column_stride});
  }
};

/// Fields of units.
template <typename Real>
struct FieldsTo : IntoTensor<Real> {
  using IntoTensor<Real>::IntoTensor;
  using IntoTensor<Real>::out;
  using IntoTensor<Real>::units;

  void operator()(Block<const Real> fields, int64_t block, int64_t first_row) const {
    const int64_t first = block * kBlockUnits;
    const int64_t last = std::min(first + kBlockUnits, units);
    for (int64_t unit = first; unit < last; unit += kPanelUnits) {
      const Real* const panel = fields.panel((unit - first) / kPanelUnits);
      const int64_t count = std::min(kPanelUnits, last - unit);
      for (int64_t row = 0; row < fields.rows; ++row) {
        std::copy_n(panel + row * kPanelUnits, count, out.at(first_row + row, unit));
      }
    }
  }
};

/// Rows that are walked at a time: their states and statistics stay in the caches.
inline constexpr int64_t kChunkRows = 1024;

/// Calls visit(states, first) for chunks of the rows of a tensor [rows, units], from row `first`
/// on; returns false where one has other states than `spelled`.
template <typename Visit>
bool for_each_chunk(const Tensor& rows, const units::TwoStates& spelled, const Visit& visit) {
  for (int64_t first = 0; first < rows.size(0); first += kChunkRows) {
    States states(std::min(kChunkRows, rows.size(0) - first), rows.size(1));
    if (!states.read(rows, first, spelled)) {
      return false;
    }
    states.prepare();
    visit(states, first);
  }
  return true;
}

/// A number for each block of units and each row, which add up in one order whatever the threads.
class BlockSums {
 public:
  BlockSums(int64_t rows, int64_t units)
      : blocks_(parts(units, kBlockUnits)), sums_(rows * blocks_) {}

  /// The numbers of a block from `first_row` on lie stride() apart.
  [[nodiscard]] double* at(int64_t block, int64_t first_row) const {
    return sums_.data() + first_row * blocks_ + block;
  }
  [[nodiscard]] int64_t stride() const { return blocks_; }
  /// `start` and all numbers of a row.
  [[nodiscard]] double add_to(double start, int64_t row) const {
    return std::accumulate(at(0, row), at(blocks_, row), start);
  }

 private:
  int64_t blocks_;
  Buffer<double> sums_;
};

template <typename Real>
class Model {
 public:
  /// Parameters of dtype Real.
  explicit Model(const BinaryModel& model)
      : model_(model),
        to_hidden_({parameters().weight, parameters().hidden_bias}),
        to_visible_({parameters().weight.t(), parameters().visible_bias}) {}

  /// See Product.
  [[nodiscard]] bool accurate() const { return to_hidden_.accurate() && to_visible_.accurate(); }
  [[nodiscard]] const BinaryModel& unpacked() const { return model_; }
  [[nodiscard]] const reference::Model& parameters() const { return model_.parameters(); }
  [[nodiscard]] int64_t visible() const { return to_visible_.outputs(); }
  [[nodiscard]] int64_t hidden() const { return to_hidden_.outputs(); }

  /// The rows [first, last) of a tensor [rows, visible] as bits, or nothing where they are not
  /// binary.
  [[nodiscard]] std::optional<Visible> read_binary(const Tensor& rows, int64_t first,
                                                   int64_t last) const {
    States states(last - first, visible());
    if (!states.read(rows, first, model_.visible_states())) {
      return std::nullopt;
    }
    states.prepare();
    return Visible{std::move(states), Tensor()};
  }
  /// The same rows whatever they are.
  [[nodiscard]] Visible read(const Tensor& rows, int64_t first, int64_t last) const {
    if (auto binary = read_binary(rows, first, last)) {
      return std::move(*binary);
    }
    const Tensor dense = rows.layout() == at::kSparseCsr ? dense_rows(rows, first, last)
                                                         : rows.narrow(0, first, last - first);
    const auto& [zero, one] = model_.visible_states();
    const Tensor numbers = reference::accumulated(dense, parameters().weight);
    return {States(last - first, visible()), zero == 0 ? numbers : (numbers - zero) / (one - zero)};
  }
  /// Writes states into the rows of a contiguous tensor from `first` on.
  void write(const Visible& visible, const Tensor& rows, int64_t first) const {
    const units::TwoStates& spelled = model_.visible_states();
    if (visible.binary()) {
      visible.states.write(rows, first, spelled);
    } else {
      rows.narrow(0, first, visible.states.rows())
          .copy_(spelled.zero == 0 ? visible.dense
                                   : visible.dense * spelled.scale() + spelled.zero);
    }
  }

  /// A sample of the visible units given the hidden ones, or their means; 0 where they are not
  /// `observed`, if that is given. Units of more than two states are what their formulas make of
  /// the fields.
  [[nodiscard]] Visible draw_visible(const States& hidden, const Draw& draw, bool mean,
                                     const Observed* observed = nullptr) const {
    const int64_t rows = hidden.rows();
    Visible result{States(rows, visible()), Tensor()};
    const units::UnitType& units = *parameters().visible;
    if (units.is_bernoulli() && !mean) {
      visit_visible(hidden, SampleTo<Real>{result.states, draw});
      if (observed != nullptr) {
        result.states.keep(observed->states);
      }
      result.states.prepare();
      return result;
    }
    const Tensor out = at::empty({rows, visible()}, parameters().weight.options());
    if (units.is_bernoulli()) {
      visit_visible(hidden, MeanTo<Real>(out));
      result.dense = out;
    } else {
      visit_visible(hidden, FieldsTo<Real>(out));
      result.dense = mean ? units.mean(out) : units.sample(out, uniforms(draw, rows, visible()));
    }
    if (observed != nullptr) {
      result.dense = result.dense.masked_fill(observed->missing, 0);
    }
    if (mean) {
      return result;
    }
    // One-hot states are bits again.
    if (auto binary = read_binary(result.dense, 0, rows)) {
      return std::move(*binary);
    }
    return result;
  }

  /// Calls visit for blocks of the fields of the hidden units.
  template <typename Visit>
  void visit_hidden(const Visible& visible, const Visit& visit) const {
    if (visible.binary()) {
      visit_hidden(visible.states, visit);
    } else {
      to_hidden_.for_each_block(parameters().hidden_field(visible.dense), visit);
    }
  }

  template <typename Visit>
  void visit_hidden(const States& visible, const Visit& visit) const {
    to_hidden_.for_each_block(visible, visit);
  }

  template <typename Visit>
  void visit_visible(const States& hidden, const Visit& visit) const {
    to_visible_.for_each_block(hidden, visit);
  }

 private:
  const BinaryModel& model_;
  Product<Real> to_hidden_;
  Product<Real> to_visible_;
};

/// Packs parameters as Packed<Real> for a Real in which they are accurate, and returns run(packed),
/// an optional; nothing where there is no such Real.
template <template <typename> typename Packed, typename Parameters, typename Run>
auto with_packed(const Parameters& parameters, const Run& run)
    -> decltype(run(std::declval<const Packed<float>&>())) {
  if (parameters.dtype() != at::kDouble) {
    const Packed<float> packed(parameters);
    if (packed.accurate()) {
      return run(packed);
    }
  }
  const Parameters wide = parameters.to(at::kDouble);
  const Packed<double> packed(wide);
  if (packed.accurate()) {
    return run(packed);
  }
  return std::nullopt;
}

}  // namespace torch_rbm::cpu
