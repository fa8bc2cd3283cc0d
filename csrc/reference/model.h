// The parameters of an RBM as the reference formulas use them.
#pragma once

#include "ops/arguments.h"
#include "units/units.h"

#include <ATen/core/Tensor.h>

namespace torch_rbm::reference {

using at::Tensor;

/// `tensor`, dense, in the dtype that sums are kept in: float64 for a float64 weight, float32
/// otherwise.
[[nodiscard]] Tensor accumulated(const Tensor& tensor, const Tensor& weight);

/// [..., units] as [rows, units].
[[nodiscard]] Tensor as_rows(const Tensor& states);

/// The units of one layer; the arguments must have been checked.
[[nodiscard]] units::Layer make_layer(const LayerArguments& arguments);
[[nodiscard]] units::Layer make_layer(std::string_view units, int64_t size,
                                      const std::optional<Tensor>& precision);

/// Parameters in the dtype that sums are kept in.
struct Model {
  Tensor weight;
  Tensor visible_bias;
  Tensor hidden_bias;
  units::Layer visible;
  units::Layer hidden;

  /// From arguments that have been checked.
  explicit Model(const ModelArguments& arguments);
  Model(Tensor weight_matrix, Tensor visible_biases, Tensor hidden_biases,
        units::Layer visible_units, units::Layer hidden_units);

  [[nodiscard]] Model to(at::ScalarType dtype) const {
    return {weight.to(dtype), visible_bias.to(dtype), hidden_bias.to(dtype), visible, hidden};
  }
  /// Whether all units have two states.
  [[nodiscard]] bool has_two_states() const {
    return visible->two_states() && hidden->two_states();
  }
  /// c + Wv, [..., hidden].
  [[nodiscard]] Tensor hidden_field(const Tensor& visible_states) const;
  /// b + Wᵀh, [..., visible].
  [[nodiscard]] Tensor visible_field(const Tensor& hidden_states) const;
};

}  // namespace torch_rbm::reference
