// Bernoulli units as ATen formulas.
#include "units/bernoulli.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/where.h>

namespace torch_rbm::units {

Tensor Bernoulli::cumulant(const Tensor& field) const {
  // Above the threshold ATen returns x itself: at 40 the error exp(-40) is below float64's epsilon
  // at that size, while exp(40) is far from float32's overflow. (Its default, 20, is off by 2e-9.)
  constexpr double kThreshold = 40.0;
  return at::softplus(field, /*beta=*/1, kThreshold);
}

Tensor Bernoulli::mean(const Tensor& field) const {
  return at::sigmoid(field);
}

Tensor Bernoulli::mean_backward(const Tensor& grad, const Tensor& field) const {
  const Tensor probability = at::sigmoid(field);
  return grad * probability * (1 - probability);
}

Tensor Bernoulli::sample(const Tensor& field, const random::Stream& stream) const {
  const Tensor probability = at::sigmoid(field);
  const Tensor u = stream.uniform(field);
  return at::where(probability.isnan(), probability, (u < probability).to(field.scalar_type()));
}

double Bernoulli::log2_states(int64_t size) const {
  return static_cast<double>(size);
}

Tensor Bernoulli::states(int64_t first, int64_t count, int64_t size,
                         const at::Device& device) const {
  const auto integers = at::TensorOptions().dtype(at::kLong).device(device);
  const Tensor numbers = at::arange(first, first + count, integers).unsqueeze(1);
  const Tensor bits = at::arange(size, integers);
  return (numbers.bitwise_right_shift(bits)).bitwise_and(1).to(at::kDouble);
}

}  // namespace torch_rbm::units
