// Rectified units of precision γ: states ℝ≥0, a normal of mean x / γ and precision γ truncated at
// 0 (exact; not the approximation of Nair and Hinton 2010). With z = x / √γ and Mills' ratio
// M(t) = ∫_t^∞ φ / φ(t): Γ(x) = log M(-z) - ½ log γ, mean (z + 1 / M(-z)) / √γ.
#pragma once

#include "units/units.h"

namespace torch_rbm::units {

class Relu final : public UnitType {
 public:
  /// `precision` is [size], or undefined for 1.
  Relu(int64_t size, Tensor precision);
  [[nodiscard]] Tensor cumulant(const Tensor& field) const override;
  [[nodiscard]] Tensor mean(const Tensor& field) const override;
  [[nodiscard]] Tensor mean_backward(const Tensor& grad, const Tensor& field) const override;
  /// The quantile of a uniform, taken as the middle of its interval of 2^-24.
  [[nodiscard]] Tensor sample(const Tensor& field, const Tensor& uniforms) const override;
  [[nodiscard]] Tensor precision() const override { return precision_; }

 private:
  /// z, in float64: differences below lose half of the digits and more.
  [[nodiscard]] Tensor standardised(const Tensor& field) const;
  [[nodiscard]] Tensor scale() const;

  Tensor precision_;
};

}  // namespace torch_rbm::units
