// The conditional means and samples of either layer as ATen formulas. One formula serves both
// layers: seen from the visible side the weight is transposed.
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/ops/linear.h>
#include <torch/library.h>

namespace torch_rbm::reference {

namespace {

Tensor field(const Tensor& states, const Tensor& weight, const Tensor& bias) {
  return at::linear(accumulated(states, weight), accumulated(weight, weight),
                    accumulated(bias, weight));
}

}  // namespace

Tensor layer_mean(const Tensor& states, const Tensor& weight, const Tensor& bias,
                  const units::UnitType& units) {
  return units.mean(field(states, weight, bias)).to(weight.scalar_type());
}

Tensor sample_layer(const Tensor& states, const Tensor& weight, const Tensor& bias,
                    const units::UnitType& units, const random::Stream& stream) {
  return units.sample(field(states, weight, bias), stream).to(states.scalar_type());
}

namespace {

Tensor hidden_mean(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                   std::string_view hidden_units) {
  constexpr auto kOp = "hidden_mean";
  checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight, hidden_bias,
                      hidden_units);
  return layer_mean(visible, weight, hidden_bias,
                    checks::unit_type(kOp, checks::kHidden, hidden_units));
}

Tensor visible_mean(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                    std::string_view visible_units) {
  constexpr auto kOp = "visible_mean";
  checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight, visible_bias,
                      visible_units);
  return layer_mean(hidden, weight.t(), visible_bias,
                    checks::unit_type(kOp, checks::kVisible, visible_units));
}

Tensor sample_hidden(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                     std::string_view hidden_units, const Tensor& key) {
  constexpr auto kOp = "sample_hidden";
  checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight, hidden_bias,
                      hidden_units);
  checks::key(kOp, key, weight.device());
  return sample_layer(visible, weight, hidden_bias,
                      checks::unit_type(kOp, checks::kHidden, hidden_units),
                      {key, 0, random::Layer::hidden});
}

Tensor sample_visible(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                      std::string_view visible_units, const Tensor& key) {
  constexpr auto kOp = "sample_visible";
  checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight, visible_bias,
                      visible_units);
  checks::key(kOp, key, weight.device());
  return sample_layer(hidden, weight.t(), visible_bias,
                      checks::unit_type(kOp, checks::kVisible, visible_units),
                      {key, 0, random::Layer::visible});
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("hidden_mean", &hidden_mean);
  m.impl("visible_mean", &visible_mean);
  m.impl("sample_hidden.key", &sample_hidden);
  m.impl("sample_visible.key", &sample_visible);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("hidden_mean", &hidden_mean);
  m.impl("visible_mean", &visible_mean);
}

}  // namespace torch_rbm::reference
