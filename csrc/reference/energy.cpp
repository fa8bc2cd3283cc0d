// energy as an ATen formula, its only implementation: PyTorch differentiates it by itself.
#include "ops/checks.h"
#include "reference/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

namespace torch_rbm::reference {

namespace {

Tensor energy(const Tensor& visible, const Tensor& hidden, const Tensor& weight,
              const Tensor& visible_bias, const Tensor& hidden_bias) {
  checks::energy("energy", visible, hidden, weight, visible_bias, hidden_bias);
  const Tensor v = accumulated(visible, weight);
  const Tensor h = accumulated(hidden, weight);
  const Tensor hidden_field =
      at::linear(v, accumulated(weight, weight), accumulated(hidden_bias, weight));
  return -at::matmul(v, accumulated(visible_bias, weight)) - (h * hidden_field).sum(-1);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeImplicitAutograd, m) {
  m.impl("energy", &energy);
}

}  // namespace torch_rbm::reference
