// An RBM of Bernoulli units, packed for the kernels, and the steps that every sampler is made of.
#pragma once

#include "cpu/product.h"
#include "random/stream.h"
#include "reference/model.h"

#include <ATen/ops/empty.h>

#include <cstdint>
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

/// The two halves of a key tensor [seed, offset].
struct Key {
  uint64_t seed;
  uint64_t offset;

  explicit Key(const Tensor& key) {
    const Tensor halves = key.contiguous();
    seed = static_cast<uint64_t>(halves.const_data_ptr<int64_t>()[0]);
    offset = static_cast<uint64_t>(halves.const_data_ptr<int64_t>()[1]);
  }

  [[nodiscard]] Draw draw(int64_t step, random::Layer layer, int64_t first_row) const {
    return {seed, offset + static_cast<uint64_t>(step), static_cast<uint32_t>(layer), first_row, 0};
  }
};

/// Samples of units with fields scale * field + shift.
template <typename Real>
struct SampleTo {
  States& states;
  Draw draw;
  Real scale = 1;
  const Real* shift = nullptr;

  void operator()(Block<const Real> fields, int64_t block, int64_t first_row) const {
    const int64_t first = block * kBlockUnits;
    Draw here = draw;
    here.first_row += first_row;
    here.block = block;
    kernels().real<Real>().sample(fields, std::min(kBlockUnits, states.units() - first), scale,
                                  shift == nullptr ? nullptr : shift + first, here,
                                  states.bits().from(first_row, first_row + fields.rows));
  }
};

/// Means of units into a tensor [rows, units] of dtype Real.
template <typename Real>
struct MeanTo {
  Matrix<Real> means;
  int64_t units;

  explicit MeanTo(const Tensor& tensor)
      : means{tensor.mutable_data_ptr<Real>(), tensor.stride(0), tensor.stride(1)},
        units(tensor.size(1)) {}

  void operator()(Block<const Real> fields, int64_t block, int64_t first_row) const {
    const int64_t first = block * kBlockUnits;
    kernels().real<Real>().mean(
        fields, std::min(kBlockUnits, units - first),
        {means.at(first_row, first), means.row_stride, means.column_stride});
  }
};

template <typename Real>
class Model {
 public:
  /// Parameters of dtype Real.
  explicit Model(const reference::Model& model)
      : parameters_(model),
        to_hidden_({model.weight, model.hidden_bias}),
        to_visible_({model.weight.t(), model.visible_bias}) {}

  /// See Product.
  [[nodiscard]] bool accurate() const { return to_hidden_.accurate() && to_visible_.accurate(); }
  [[nodiscard]] const reference::Model& parameters() const { return parameters_; }
  [[nodiscard]] int64_t visible() const { return to_visible_.outputs(); }
  [[nodiscard]] int64_t hidden() const { return to_hidden_.outputs(); }

  /// The rows [first, last) of a tensor [rows, visible] as bits, or nothing where they are not
  /// binary.
  [[nodiscard]] std::optional<Visible> read_binary(const Tensor& rows, int64_t first,
                                                   int64_t last) const {
    States states(last - first, visible());
    if (!states.read(rows, first)) {
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
    return {States(last - first, visible()),
            reference::accumulated(rows.narrow(0, first, last - first), parameters_.weight)};
  }

  [[nodiscard]] Tensor empty_visible(int64_t rows) const {
    return at::empty({rows, visible()}, parameters_.weight.options());
  }

  /// Calls visit for blocks of the fields of the hidden units.
  template <typename Visit>
  void visit_hidden(const Visible& visible, const Visit& visit) const {
    if (visible.binary()) {
      to_hidden_.for_each_block(visible.states, visit);
    } else {
      to_hidden_.for_each_block(parameters_.hidden_field(visible.dense), visit);
    }
  }

  template <typename Visit>
  void visit_visible(const States& hidden, const Visit& visit) const {
    to_visible_.for_each_block(hidden, visit);
  }

 private:
  const reference::Model& parameters_;
  Product<Real> to_hidden_;
  Product<Real> to_visible_;
};

/// Packs parameters as Packed<Real> for a Real in which they are accurate, and returns run(packed),
/// an optional; nothing where there is no such Real. `pack` makes a Packed<Real> from parameters of
/// that dtype.
template <template <typename> typename Packed, typename Parameters, typename Run>
auto with_packed(const Parameters& parameters, const Run& run)
    -> decltype(run(std::declval<const Packed<float>&>())) {
  if (parameters.weight.scalar_type() != at::kDouble) {
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

/// Rows that are walked at a time: their states and statistics stay in the caches.
inline constexpr int64_t kChunkRows = 1024;

}  // namespace torch_rbm::cpu
