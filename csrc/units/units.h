// What the units of a layer must supply; see bernoulli.h for the smallest type.
//
// A unit sees a field x = bias + (W times the other side) and is described by functions of x: the
// cumulant Γ(x) = log Σ_s exp(x s - u(s)), the mean Γ'(x), and a sampler, with u(s) = γ s² / 2 for
// continuous units and 0 for others. Free energy, conditionals and gradients are written once over
// these.
#pragma once

#include "random/stream.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

namespace torch_rbm::units {

using at::Tensor;

/// What a unit with two states calls them.
struct TwoStates {
  double zero = 0;
  double one = 1;

  [[nodiscard]] double scale() const { return one - zero; }
  [[nodiscard]] bool operator==(const TwoStates&) const = default;
};

/// The units of one layer. Fields and states are [..., units].
class UnitType {
 public:
  explicit UnitType(int64_t size) : size_(size) {}
  UnitType(const UnitType&) = delete;
  UnitType& operator=(const UnitType&) = delete;
  UnitType(UnitType&&) = delete;
  UnitType& operator=(UnitType&&) = delete;
  virtual ~UnitType() = default;

  [[nodiscard]] int64_t size() const { return size_; }

  /// Σ Γ over the units, [...].
  [[nodiscard]] virtual Tensor cumulant(const Tensor& field) const = 0;
  [[nodiscard]] virtual Tensor mean(const Tensor& field) const = 0;
  /// The gradient with respect to the field, given the one with respect to the mean.
  [[nodiscard]] virtual Tensor mean_backward(const Tensor& grad, const Tensor& field) const = 0;
  /// A sample in the dtype of `field`, from float32 uniforms in [0, 1) of its shape; a NaN field
  /// gives NaN.
  [[nodiscard]] virtual Tensor sample(const Tensor& field, const Tensor& uniforms) const = 0;
  /// γ in u(s) = γ s² / 2, [units] and 0 for discrete units; undefined where all are discrete.
  [[nodiscard]] virtual Tensor precision() const { return {}; }

  /// log2 of the number of states; infinite for continuous units.
  [[nodiscard]] virtual double log2_states() const {
    return std::numeric_limits<double>::infinity();
  }
  /// States number `first` to `first + count`, [count, units], float64. Discrete units only.
  [[nodiscard]] virtual Tensor states(int64_t first, int64_t count, const at::Device& device) const;
  /// The states of units that have two each and are independent given the field; nothing for
  /// others.
  [[nodiscard]] virtual std::optional<TwoStates> two_states() const { return std::nullopt; }
  /// Whether states are 0 and 1 and independent given the field, with mean σ(x).
  [[nodiscard]] bool is_bernoulli() const { return two_states() == TwoStates{}; }
  /// Whether the states are all real numbers and Γ is quadratic.
  [[nodiscard]] virtual bool is_gaussian() const { return false; }

 private:
  int64_t size_;
};

/// Σ u(s), [...]; 0 where all units are discrete.
[[nodiscard]] Tensor self_energy(const UnitType& units, const Tensor& states);

using Layer = std::shared_ptr<const UnitType>;

}  // namespace torch_rbm::units
