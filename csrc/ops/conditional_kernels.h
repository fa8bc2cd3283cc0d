// The four operators of the conditionals, checked, from how a layer is averaged and sampled. One
// pair of functions serves both layers: seen from the visible side the weight is transposed.
#pragma once

#include "ops/checks.h"
#include "random/stream.h"
#include "units/units.h"

#include <ATen/core/Tensor.h>

#include <string_view>

namespace torch_rbm {

/// `layer_mean(states, weight, bias, units)` and `sample_layer(states, weight, bias, units,
/// stream)` take a weight [this layer, other layer].
template <auto layer_mean, auto sample_layer>
struct ConditionalKernels {
  using Tensor = at::Tensor;

  static Tensor hidden_mean(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                            std::string_view hidden_units) {
    constexpr auto kOp = "hidden_mean";
    checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight, hidden_bias,
                        hidden_units);
    return layer_mean(visible, weight, hidden_bias,
                      checks::unit_type(kOp, checks::kHidden, hidden_units));
  }

  static Tensor visible_mean(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                             std::string_view visible_units) {
    constexpr auto kOp = "visible_mean";
    checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight, visible_bias,
                        visible_units);
    return layer_mean(hidden, weight.t(), visible_bias,
                      checks::unit_type(kOp, checks::kVisible, visible_units));
  }

  static Tensor sample_hidden(const Tensor& visible, const Tensor& weight,
                              const Tensor& hidden_bias, std::string_view hidden_units,
                              const Tensor& key) {
    constexpr auto kOp = "sample_hidden";
    checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight, hidden_bias,
                        hidden_units);
    checks::key(kOp, key, weight.device());
    return sample_layer(visible, weight, hidden_bias,
                        checks::unit_type(kOp, checks::kHidden, hidden_units),
                        {key, 0, random::Layer::hidden});
  }

  static Tensor sample_visible(const Tensor& hidden, const Tensor& weight,
                               const Tensor& visible_bias, std::string_view visible_units,
                               const Tensor& key) {
    constexpr auto kOp = "sample_visible";
    checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight, visible_bias,
                        visible_units);
    checks::key(kOp, key, weight.device());
    return sample_layer(hidden, weight.t(), visible_bias,
                        checks::unit_type(kOp, checks::kVisible, visible_units),
                        {key, 0, random::Layer::visible});
  }
};

}  // namespace torch_rbm
