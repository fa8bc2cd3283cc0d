// Categorical units as ATen formulas.
#include "units/categorical.h"

#include "units/bernoulli.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/softmax.h>

#include <cmath>

namespace torch_rbm::units {

Categorical::Categorical(int64_t size, int64_t unit_states)
    : UnitType(size), unit_states_(unit_states), units_(size / unit_states) {}

Tensor Categorical::by_unit(const Tensor& values) const {
  return values.unflatten(-1, {units_, unit_states_});
}

Tensor Categorical::cumulant(const Tensor& field) const {
  return by_unit(field).logsumexp(-1).sum(-1);
}

Tensor Categorical::mean(const Tensor& field) const {
  return by_unit(field).softmax(-1).flatten(-2);
}

Tensor Categorical::mean_backward(const Tensor& grad, const Tensor& field) const {
  const Tensor probability = by_unit(field).softmax(-1);
  const Tensor weighted = probability * by_unit(grad);
  return (weighted - probability * weighted.sum(-1, /*keepdim=*/true)).flatten(-2);
}

Tensor Categorical::sample(const Tensor& field, const Tensor& uniforms) const {
  const Tensor cumulative = by_unit(field).softmax(-1).cumsum(-1);
  const Tensor u = by_unit(uniforms).narrow(-1, 0, 1);
  // Rounding may leave the last cumulative probability below the uniform.
  const Tensor state = (u >= cumulative).sum(-1, /*keepdim=*/true).clamp_max(unit_states_ - 1);
  const Tensor numbers = at::arange(unit_states_, state.options());
  return keep_nan(field, (state == numbers).flatten(-2));
}

double Categorical::log2_states() const {
  return static_cast<double>(units_) * std::log2(static_cast<double>(unit_states_));
}

Tensor Categorical::states(int64_t first, int64_t count, const at::Device& device) const {
  const auto integers = at::TensorOptions().dtype(at::kLong).device(device);
  const Tensor numbers = at::arange(first, first + count, integers).unsqueeze(1);
  const Tensor places = at::pow(unit_states_, at::arange(units_, integers));
  const Tensor digits = numbers.floor_divide(places).remainder(unit_states_).unsqueeze(-1);
  return (digits == at::arange(unit_states_, integers)).flatten(-2).to(at::kDouble);
}

}  // namespace torch_rbm::units
