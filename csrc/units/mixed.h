// A layer of groups of different unit types.
#pragma once

#include "units/units.h"

#include <utility>
#include <vector>

namespace torch_rbm::units {

class Mixed final : public UnitType {
 public:
  Mixed(int64_t size, std::vector<Layer> groups) : UnitType(size), groups_(std::move(groups)) {}
  [[nodiscard]] Tensor cumulant(const Tensor& field) const override;
  [[nodiscard]] Tensor mean(const Tensor& field) const override;
  [[nodiscard]] Tensor mean_backward(const Tensor& grad, const Tensor& field) const override;
  [[nodiscard]] Tensor sample(const Tensor& field, const Tensor& uniforms) const override;
  [[nodiscard]] Tensor precision() const override;
  [[nodiscard]] double log2_states() const override;
  [[nodiscard]] Tensor states(int64_t first, int64_t count,
                              const at::Device& device) const override;

 private:
  /// compute(group, first) of each group, side by side; `first` is its first element.
  template <typename Compute>
  [[nodiscard]] Tensor concatenated(const Compute& compute) const;

  std::vector<Layer> groups_;
};

}  // namespace torch_rbm::units
