// The centred gradient as an ATen formula.
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/stack.h>
#include <torch/library.h>

namespace torch_rbm::reference {

std::tuple<Tensor, Tensor, Tensor> centered_gradient(const Tensor& grad_weight,
                                                     const Tensor& grad_visible_bias,
                                                     const Tensor& grad_hidden_bias,
                                                     const Tensor& visible_offset,
                                                     const Tensor& hidden_offset) {
  const auto summed = [&](const Tensor& tensor) { return accumulated(tensor, grad_weight); };
  const Tensor visible_bias = summed(grad_visible_bias);
  const Tensor hidden_bias = summed(grad_hidden_bias);
  const Tensor mu = summed(visible_offset);
  const Tensor lambda = summed(hidden_offset);
  const Tensor of_hidden = at::stack({hidden_bias, lambda}, 1);
  const Tensor of_visible = at::stack({mu, visible_bias});
  const Tensor weight = summed(grad_weight) - at::mm(of_hidden, of_visible);
  const auto dtype = grad_weight.scalar_type();
  return {weight.to(dtype), (visible_bias - at::mv(weight.t(), lambda)).to(dtype),
          (hidden_bias - at::mv(weight, mu)).to(dtype)};
}

namespace {

std::tuple<Tensor, Tensor, Tensor> centered_gradient_kernel(const Tensor& grad_weight,
                                                            const Tensor& grad_visible_bias,
                                                            const Tensor& grad_hidden_bias,
                                                            const Tensor& visible_offset,
                                                            const Tensor& hidden_offset) {
  checks::centered_gradient("centered_gradient", grad_weight, grad_visible_bias, grad_hidden_bias,
                            visible_offset, hidden_offset);
  return centered_gradient(grad_weight, grad_visible_bias, grad_hidden_bias, visible_offset,
                           hidden_offset);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("centered_gradient", &centered_gradient_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("centered_gradient", &centered_gradient_kernel);
}

}  // namespace torch_rbm::reference
