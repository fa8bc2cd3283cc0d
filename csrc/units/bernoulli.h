// Bernoulli units: states {0, 1}, Γ(x) = softplus(x), mean σ(x).
#pragma once

#include "units/units.h"

namespace torch_rbm::units {

class Bernoulli final : public UnitType {
 public:
  [[nodiscard]] Tensor cumulant(const Tensor& field) const override;
  [[nodiscard]] Tensor mean(const Tensor& field) const override;
  [[nodiscard]] Tensor mean_backward(const Tensor& grad, const Tensor& field) const override;
  [[nodiscard]] Tensor sample(const Tensor& field, const random::Stream& stream) const override;
  [[nodiscard]] double log2_states(int64_t size) const override;
  [[nodiscard]] Tensor states(int64_t first, int64_t count, int64_t size,
                              const at::Device& device) const override;
};

}  // namespace torch_rbm::units
