// energy: the joint energy of visible and hidden states, one formula for every device and for
// differentiation.
#include "ops/checks.h"
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include "reference/model.h"
#include <torch_rbm/ops.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

namespace torch_rbm {

Tensor energy(const Tensor& visible, const Tensor& hidden, const Tensor& weight,
              const Tensor& visible_bias, const Tensor& hidden_bias) {
  static const auto op = find_operator<signatures::Energy>("torch_rbm::energy");
  return op.call(visible, hidden, weight, visible_bias, hidden_bias);
}

namespace {

Tensor energy_kernel(const Tensor& visible, const Tensor& hidden, const Tensor& weight,
                     const Tensor& visible_bias, const Tensor& hidden_bias) {
  checks::energy("energy", visible, hidden, weight, visible_bias, hidden_bias);
  using reference::accumulated;
  const Tensor v = accumulated(visible, weight);
  const Tensor h = accumulated(hidden, weight);
  const Tensor hidden_field =
      at::linear(v, accumulated(weight, weight), accumulated(hidden_bias, weight));
  return -at::matmul(v, accumulated(visible_bias, weight)) - (h * hidden_field).sum(-1);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeImplicitAutograd, m) {
  m.impl("energy", &energy_kernel);
}

}  // namespace torch_rbm
