// Gaussian units as ATen formulas.
#include "units/gaussian.h"

#include "random/philox.h"
#include "units/bernoulli.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/erfinv.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <numbers>

namespace torch_rbm::units {

Tensor precision_or_one(const Tensor& precision, int64_t size) {
  return precision.defined() ? precision : at::ones({size});
}

Gaussian::Gaussian(int64_t size, Tensor precision)
    : UnitType(size), precision_(precision_or_one(precision, size)) {}

Tensor Gaussian::cumulant(const Tensor& field) const {
  const Tensor precision = precision_.to(field.options());
  return (field.square() / precision - precision.log()).sum(-1) / 2 +
         static_cast<double>(size()) * std::log(2 * std::numbers::pi) / 2;
}

Tensor Gaussian::mean(const Tensor& field) const {
  return field / precision_.to(field.options());
}

Tensor Gaussian::mean_backward(const Tensor& grad, const Tensor& /*field*/) const {
  return grad / precision_.to(grad.options());
}

Tensor Gaussian::sample(const Tensor& field, const Tensor& uniforms) const {
  // Twice the middle of the interval minus 1, which is exact in float32 too.
  const Tensor centred = uniforms.to(field.scalar_type()) * 2 - (1 - random::kUniformScale);
  const Tensor normal = at::erfinv(centred);
  const Tensor precision = precision_.to(field.options());
  return at::addcmul(field / precision, normal, (precision / 2).rsqrt());
}

}  // namespace torch_rbm::units
