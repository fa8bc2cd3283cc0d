// The four operators of the conditionals, checked, from how a layer is averaged and sampled. One
// pair of functions serves both layers: seen from the visible side the weight is transposed.
#pragma once

#include "ops/checks.h"
#include "random/stream.h"

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

namespace torch_rbm {

/// `layer_mean(states, weight, layer)` and `sample_layer(states, weight, layer, stream)` take a
/// weight [this layer, other layer].
template <auto layer_mean, auto sample_layer>
struct ConditionalKernels {
  using Tensor = at::Tensor;
  using OptionalTensor = std::optional<at::Tensor>;

  static Tensor hidden_mean(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                            std::string_view hidden_units, const OptionalTensor& hidden_precision) {
    const LayerArguments layer{hidden_bias, hidden_units, hidden_precision};
    checks::conditional("hidden_mean", checks::kVisible, visible, checks::kHidden, weight, layer);
    return layer_mean(visible, weight, layer);
  }

  static Tensor visible_mean(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                             std::string_view visible_units,
                             const OptionalTensor& visible_precision) {
    const LayerArguments layer{visible_bias, visible_units, visible_precision};
    checks::conditional("visible_mean", checks::kHidden, hidden, checks::kVisible, weight, layer);
    return layer_mean(hidden, weight.t(), layer);
  }

  static Tensor sample_hidden(const Tensor& visible, const Tensor& weight,
                              const Tensor& hidden_bias, std::string_view hidden_units,
                              const OptionalTensor& hidden_precision, const Tensor& key) {
    constexpr auto kOp = "sample_hidden";
    const LayerArguments layer{hidden_bias, hidden_units, hidden_precision};
    checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight, layer);
    checks::key(kOp, key, weight.device());
    return sample_layer(visible, weight, layer, {key, 0, random::Layer::hidden});
  }

  static Tensor sample_visible(const Tensor& hidden, const Tensor& weight,
                               const Tensor& visible_bias, std::string_view visible_units,
                               const OptionalTensor& visible_precision, const Tensor& key) {
    constexpr auto kOp = "sample_visible";
    const LayerArguments layer{visible_bias, visible_units, visible_precision};
    checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight, layer);
    checks::key(kOp, key, weight.device());
    return sample_layer(hidden, weight.t(), layer, {key, 0, random::Layer::visible});
  }
};

}  // namespace torch_rbm
