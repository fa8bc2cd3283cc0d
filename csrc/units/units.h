// What a layer's unit type must supply; see bernoulli.h for the smallest one.
//
// A unit sees a field x = bias + (W times the other side) and is described by functions of x: the
// cumulant Γ(x) = log Σ_s exp(x s - u(s)), the mean Γ'(x), and a sampler. Free energy, conditionals
// and gradients are written once over these.
#pragma once

#include "random/stream.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace torch_rbm::units {

using at::Tensor;

class UnitType {
 public:
  UnitType() = default;
  UnitType(const UnitType&) = delete;
  UnitType& operator=(const UnitType&) = delete;
  UnitType(UnitType&&) = delete;
  UnitType& operator=(UnitType&&) = delete;
  virtual ~UnitType() = default;

  /// Γ of each unit, to be summed over the last dimension.
  [[nodiscard]] virtual Tensor cumulant(const Tensor& field) const = 0;
  [[nodiscard]] virtual Tensor mean(const Tensor& field) const = 0;
  /// The gradient with respect to the field, given the one with respect to the mean.
  [[nodiscard]] virtual Tensor mean_backward(const Tensor& grad, const Tensor& field) const = 0;
  /// A sample in the dtype of `field`; a NaN field gives NaN.
  [[nodiscard]] virtual Tensor sample(const Tensor& field, const random::Stream& stream) const = 0;

  /// log2 of the number of states of a layer of `size` units, where they can be counted.
  [[nodiscard]] virtual double log2_states(int64_t size) const = 0;
  /// States number `first` to `first + count` of a layer of `size` units, [count, size], float64.
  [[nodiscard]] virtual Tensor states(int64_t first, int64_t count, int64_t size,
                                      const at::Device& device) const = 0;
};

/// The unit type of that name, or nullptr.
[[nodiscard]] const UnitType* find(std::string_view name);
/// The names of all unit types, quoted, for messages.
[[nodiscard]] std::string known_names();

}  // namespace torch_rbm::units
