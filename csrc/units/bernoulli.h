// Bernoulli units: states {0, 1}, Γ(x) = softplus(x), mean σ(x).
#pragma once

#include "units/units.h"

namespace torch_rbm::units {

class Bernoulli final : public UnitType {
 public:
  using UnitType::UnitType;
  [[nodiscard]] Tensor cumulant(const Tensor& field) const override;
  [[nodiscard]] Tensor mean(const Tensor& field) const override;
  [[nodiscard]] Tensor mean_backward(const Tensor& grad, const Tensor& field) const override;
  [[nodiscard]] Tensor sample(const Tensor& field, const Tensor& uniforms) const override;
  [[nodiscard]] double log2_states() const override { return static_cast<double>(size()); }
  [[nodiscard]] Tensor states(int64_t first, int64_t count,
                              const at::Device& device) const override;
  [[nodiscard]] std::optional<TwoStates> two_states() const override { return TwoStates{}; }
};

/// softplus, summed over the last dimension.
[[nodiscard]] Tensor sum_softplus(const Tensor& field);

/// `sample`, or NaN where `field` is NaN.
[[nodiscard]] Tensor keep_nan(const Tensor& field, const Tensor& sample);

}  // namespace torch_rbm::units
