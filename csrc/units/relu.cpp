// Rectified units as ATen formulas.
#include "units/relu.h"

#include "random/philox.h"
#include "units/bernoulli.h"
#include "units/gaussian.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/special_erfcx.h>
#include <ATen/ops/special_log_ndtr.h>
#include <ATen/ops/special_ndtr.h>
#include <ATen/ops/special_ndtri.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <numbers>

namespace torch_rbm::units {

namespace {

// Below it differences between z and φ(z) / Φ(z) have lost so many digits that the first terms of
// their expansion in 1 / z are better.
constexpr double kFar = -200;
// Below it Newton's method in logarithms finds quantiles, above it the quantile function.
constexpr double kDirect = -30;

// The middles of the intervals that uniforms of 24 bits stand for: never 0 or 1.
Tensor interval_middles(const Tensor& uniforms) {
  return uniforms.to(at::kDouble) + random::kUniformScale / 2;
}

// log M(-z). Each of the three formulas is good on its side and is only evaluated there, so that no
// infinite derivative is multiplied by 0.
Tensor log_mills(const Tensor& z) {
  const Tensor far = z.clamp_max(kFar);
  const Tensor below = z.clamp(kFar, 0);
  const Tensor above = z.clamp_min(0);
  const double half_log_two_pi = std::log(2 * std::numbers::pi) / 2;
  const double half_log_half_pi = std::log(std::numbers::pi / 2) / 2;
  const Tensor near = at::where(
      z < 0, at::special_erfcx(below * (-1 / std::numbers::sqrt2)).log() + half_log_half_pi,
      above.square() / 2 + at::special_log_ndtr(above) + half_log_two_pi);
  return at::where(z < kFar, at::log1p(-far.reciprocal().square()) - (-far).log(), near);
}

// 1 / M(-z) = φ(z) / Φ(z): infinite M, far above 0, is right as well.
Tensor hazard(const Tensor& z) {
  const double root = std::sqrt(2 / std::numbers::pi);
  return root / at::special_erfcx(z * (-1 / std::numbers::sqrt2));
}

// z + φ(z) / Φ(z).
Tensor standard_mean(const Tensor& z) {
  const Tensor far = z.clamp_max(kFar).reciprocal();
  const Tensor near = z.clamp_min(kFar);
  return at::where(z < kFar, far * (2 * far.square() - 1), near + hazard(near));
}

// 1 - m (m - z) with m the mean.
Tensor standard_variance(const Tensor& z) {
  const Tensor far = z.clamp_max(kFar).reciprocal().square();
  const Tensor near = z.clamp_min(kFar);
  const Tensor m = standard_mean(near);
  return at::where(z < kFar, far * (1 - 6 * far), 1 - m * (m - near));
}

// The sample is z + s where Q(s) = (1 - u) Φ(z), with Q the upper tail of the normal. From Gordon's
// (1941) bounds log Q(s) = -s² / 2 - log s + ..., of which two steps are enough out here.
Tensor sample_far(const Tensor& z, const Tensor& u) {
  const Tensor excess = -2 * at::log1p(-u);
  // s - t for s = √(t² + e) without cancellation, and a correction for the change of log s.
  const auto above = [&](const Tensor& e) { return e / (-z + (z.square() + e).sqrt()); };
  const Tensor ratio = above(excess) / -z;
  return above((excess - 2 * at::log1p(ratio)).clamp_min(0));
}

Tensor sample_near(const Tensor& z, const Tensor& u) {
  // In logarithms below, where Φ(z) vanishes.
  const Tensor log_upper = at::log1p(-u) + at::special_log_ndtr(z);
  Tensor s = (z.clamp_max(kDirect).square() - 2 * at::log1p(-u)).sqrt();
  constexpr int kNewtonSteps = 4;
  for (int i = 0; i < kNewtonSteps; ++i) {
    s = s + (at::special_log_ndtr(-s) - log_upper) / hazard(-s);
  }
  const Tensor upper = log_upper.exp();
  const Tensor lower = u + (1 - u) * at::special_ndtr(-z);
  const Tensor direct = at::where(upper < lower, -at::special_ndtri(upper.clamp_min(1e-300)),
                                  at::special_ndtri(lower));
  return z + at::where(z < kDirect, s, direct);
}

}  // namespace

Relu::Relu(int64_t size, Tensor precision)
    : UnitType(size), precision_(precision_or_one(precision, size)) {}

Tensor Relu::standardised(const Tensor& field) const {
  return field.to(at::kDouble) * scale();
}

Tensor Relu::scale() const {
  return precision_.to(at::kDouble).rsqrt();
}

Tensor Relu::cumulant(const Tensor& field) const {
  const Tensor z = standardised(field);
  return (log_mills(z) + scale().log()).sum(-1).to(field.scalar_type());
}

Tensor Relu::mean(const Tensor& field) const {
  return (standard_mean(standardised(field)) * scale()).to(field.scalar_type());
}

Tensor Relu::mean_backward(const Tensor& grad, const Tensor& field) const {
  const Tensor variance = standard_variance(standardised(field));
  return (grad.to(at::kDouble) * variance * scale().square()).to(field.scalar_type());
}

Tensor Relu::sample(const Tensor& field, const Tensor& uniforms) const {
  const Tensor z = standardised(field);
  const Tensor u = interval_middles(uniforms);
  const Tensor standard =
      at::where(z < kFar, sample_far(z.clamp_max(kFar), u), sample_near(z.clamp_min(kFar), u));
  return keep_nan(field, (standard.clamp_min(0) * scale()).to(field.scalar_type()));
}

}  // namespace torch_rbm::units
