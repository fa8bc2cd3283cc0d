// Categorical units of K states each, one-hot: K elements of a layer, of which one is 1. Γ of a
// unit is the logsumexp of its fields, its mean their softmax.
#pragma once

#include "units/units.h"

namespace torch_rbm::units {

class Categorical final : public UnitType {
 public:
  Categorical(int64_t size, int64_t unit_states);
  [[nodiscard]] Tensor cumulant(const Tensor& field) const override;
  [[nodiscard]] Tensor mean(const Tensor& field) const override;
  [[nodiscard]] Tensor mean_backward(const Tensor& grad, const Tensor& field) const override;
  /// The first state whose cumulative probability exceeds the uniform of the unit's first element.
  [[nodiscard]] Tensor sample(const Tensor& field, const Tensor& uniforms) const override;
  [[nodiscard]] double log2_states() const override;
  [[nodiscard]] Tensor states(int64_t first, int64_t count,
                              const at::Device& device) const override;

 private:
  /// [..., elements] as [..., units, states].
  [[nodiscard]] Tensor by_unit(const Tensor& values) const;

  int64_t unit_states_;
  int64_t units_;
};

}  // namespace torch_rbm::units
