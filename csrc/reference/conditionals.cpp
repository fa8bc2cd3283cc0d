// The conditional means and samples of either layer as ATen formulas.
#include "ops/conditional_kernels.h"
#include "reference/formulas.h"
#include "units/specification.h"

#include <ATen/ops/linear.h>
#include <torch/library.h>

namespace torch_rbm::reference {

namespace {

Tensor field(const Tensor& states, const Tensor& weight, const Tensor& bias) {
  return at::linear(accumulated(states, weight), accumulated(weight, weight),
                    accumulated(bias, weight));
}

}  // namespace

Tensor sample(const units::UnitType& units, const Tensor& field, const random::Stream& stream) {
  return units.sample(field, stream.uniform(field));
}

Tensor layer_mean(const Tensor& states, const Tensor& weight, const LayerArguments& layer) {
  return make_layer(layer)->mean(field(states, weight, layer.bias)).to(weight.scalar_type());
}

Tensor sample_layer(const Tensor& states, const Tensor& weight, const LayerArguments& layer,
                    const random::Stream& stream) {
  return sample(*make_layer(layer), field(states, weight, layer.bias), stream)
      .to(units::sample_dtype(states, layer.units, weight));
}

namespace {

using Kernels = ConditionalKernels<&layer_mean, &sample_layer>;

void register_all(torch::Library& m) {
  m.impl("hidden_mean", &Kernels::hidden_mean);
  m.impl("visible_mean", &Kernels::visible_mean);
  m.impl("sample_hidden.key", &Kernels::sample_hidden);
  m.impl("sample_visible.key", &Kernels::sample_visible);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  register_all(m);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  register_all(m);
}

}  // namespace torch_rbm::reference
