// Gaussian units of precision γ: states ℝ, Γ(x) = x² / 2γ + ½ log(2π / γ), mean x / γ.
#pragma once

#include "units/units.h"

namespace torch_rbm::units {

class Gaussian final : public UnitType {
 public:
  /// `precision` is [size], or undefined for 1.
  Gaussian(int64_t size, Tensor precision);
  [[nodiscard]] Tensor cumulant(const Tensor& field) const override;
  [[nodiscard]] Tensor mean(const Tensor& field) const override;
  [[nodiscard]] Tensor mean_backward(const Tensor& grad, const Tensor& field) const override;
  /// The quantile of a uniform, taken as the middle of its interval of 2^-24.
  [[nodiscard]] Tensor sample(const Tensor& field, const Tensor& uniforms) const override;
  [[nodiscard]] Tensor precision() const override { return precision_; }
  [[nodiscard]] bool is_gaussian() const override { return true; }

 private:
  Tensor precision_;
};

/// 1 for `size` units where `precision` is undefined.
[[nodiscard]] Tensor precision_or_one(const Tensor& precision, int64_t size);

}  // namespace torch_rbm::units
