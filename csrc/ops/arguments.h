// What describes an RBM in the arguments of an operator, as it came.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

namespace torch_rbm {

/// An argument that was saved as an undefined tensor where it was not given.
[[nodiscard]] inline std::optional<at::Tensor> if_defined(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

/// One layer's bias and units.
struct LayerArguments {
  const at::Tensor& bias;
  std::string_view units;
  const std::optional<at::Tensor>& precision;
};

/// The whole model.
struct ModelArguments {
  const at::Tensor& weight;
  LayerArguments visible;
  LayerArguments hidden;

  /// In the order of the schemas.
  ModelArguments(const at::Tensor& weight_matrix, const at::Tensor& visible_bias,
                 const at::Tensor& hidden_bias, std::string_view visible_units,
                 std::string_view hidden_units, const std::optional<at::Tensor>& visible_precision,
                 const std::optional<at::Tensor>& hidden_precision)
      : weight(weight_matrix),
        visible{visible_bias, visible_units, visible_precision},
        hidden{hidden_bias, hidden_units, hidden_precision} {}
};

}  // namespace torch_rbm
