// The parameters of an RBM as the reference formulas use them.
#pragma once

#include "units/units.h"

#include <ATen/core/Tensor.h>

#include <string_view>

namespace torch_rbm::reference {

using at::Tensor;

/// `tensor` in the dtype that sums are kept in: float64 for a float64 weight, float32 otherwise.
[[nodiscard]] Tensor accumulated(const Tensor& tensor, const Tensor& weight);

/// [..., units] as [rows, units].
[[nodiscard]] Tensor as_rows(const Tensor& states);

/// Parameters in the dtype that sums are kept in.
struct Model {
  Tensor weight;
  Tensor visible_bias;
  Tensor hidden_bias;
  const units::UnitType& visible;
  const units::UnitType& hidden;

  [[nodiscard]] Model to(at::ScalarType dtype) const {
    return {weight.to(dtype), visible_bias.to(dtype), hidden_bias.to(dtype), visible, hidden};
  }
  /// c + Wv, [..., hidden].
  [[nodiscard]] Tensor hidden_field(const Tensor& visible_states) const;
  /// b + Wᵀh, [..., visible].
  [[nodiscard]] Tensor visible_field(const Tensor& hidden_states) const;
};

/// Looks up the unit types and converts the parameters, which must have been checked.
[[nodiscard]] Model make_model(const char* op, const Tensor& weight, const Tensor& visible_bias,
                               const Tensor& hidden_bias, std::string_view visible_units,
                               std::string_view hidden_units);

}  // namespace torch_rbm::reference
