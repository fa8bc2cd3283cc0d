// Bernoulli units as ATen formulas.
#include "units/bernoulli.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/where.h>

namespace torch_rbm::units {

Tensor sum_softplus(const Tensor& field) {
  // Above the threshold ATen returns x itself: at 40 the error exp(-40) is below float64's epsilon
  // at that size, while exp(40) is far from float32's overflow. (Its default, 20, is off by 2e-9.)
  constexpr double kThreshold = 40.0;
  return at::softplus(field, /*beta=*/1, kThreshold).sum(-1);
}

Tensor keep_nan(const Tensor& field, const Tensor& sample) {
  return at::where(field.isnan(), field, sample.to(field.scalar_type()));
}

Tensor Bernoulli::cumulant(const Tensor& field) const {
  return sum_softplus(field);
}

Tensor Bernoulli::mean(const Tensor& field) const {
  return at::sigmoid(field);
}

Tensor Bernoulli::mean_backward(const Tensor& grad, const Tensor& field) const {
  const Tensor probability = at::sigmoid(field);
  return grad * probability * (1 - probability);
}

Tensor Bernoulli::sample(const Tensor& field, const Tensor& uniforms) const {
  return keep_nan(field, uniforms < at::sigmoid(field));
}

Tensor Bernoulli::states(int64_t first, int64_t count, const at::Device& device) const {
  const auto integers = at::TensorOptions().dtype(at::kLong).device(device);
  const Tensor numbers = at::arange(first, first + count, integers).unsqueeze(1);
  const Tensor bits = at::arange(size(), integers);
  return (numbers.bitwise_right_shift(bits)).bitwise_and(1).to(at::kDouble);
}

}  // namespace torch_rbm::units
