// Spin units as ATen formulas: s = 2 t - 1 with t a Bernoulli unit of field 2 x.
#include "units/spin.h"

#include "units/bernoulli.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tanh.h>

namespace torch_rbm::units {

Tensor Spin::cumulant(const Tensor& field) const {
  return sum_softplus(2 * field) - field.sum(-1);
}

Tensor Spin::mean(const Tensor& field) const {
  return at::tanh(field);
}

Tensor Spin::mean_backward(const Tensor& grad, const Tensor& field) const {
  return grad * (1 - at::tanh(field).square());
}

Tensor Spin::sample(const Tensor& field, const Tensor& uniforms) const {
  const Tensor up = (uniforms < at::sigmoid(2 * field)).to(field.scalar_type());
  return keep_nan(field, 2 * up - 1);
}

Tensor Spin::states(int64_t first, int64_t count, const at::Device& device) const {
  return 2 * Bernoulli(size()).states(first, count, device) - 1;
}

}  // namespace torch_rbm::units
