// Spin units: states {-1, +1}, Γ(x) = log 2 cosh x, mean tanh x.
#pragma once

#include "units/units.h"

namespace torch_rbm::units {

class Spin final : public UnitType {
 public:
  using UnitType::UnitType;
  [[nodiscard]] Tensor cumulant(const Tensor& field) const override;
  [[nodiscard]] Tensor mean(const Tensor& field) const override;
  [[nodiscard]] Tensor mean_backward(const Tensor& grad, const Tensor& field) const override;
  [[nodiscard]] Tensor sample(const Tensor& field, const Tensor& uniforms) const override;
  [[nodiscard]] double log2_states() const override { return static_cast<double>(size()); }
  [[nodiscard]] Tensor states(int64_t first, int64_t count,
                              const at::Device& device) const override;
  [[nodiscard]] std::optional<TwoStates> two_states() const override { return TwoStates{-1, 1}; }
};

}  // namespace torch_rbm::units
