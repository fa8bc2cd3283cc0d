// A model of Bernoulli units as the kernels that enumerate its smaller layer read it.
#pragma once

#include "cpu/capability.h"
#include "reference/model.h"

#include <optional>

namespace torch_rbm::cpu {

using at::Tensor;

/// The smaller layer split into low units, whose states one kernel step takes together, and high
/// units, whose states are numbered and visited piece by piece.
class Enumeration {
 public:
  /// Nothing where a number is not finite or fields are too large for products of exp.
  [[nodiscard]] static std::optional<Enumeration> of(const reference::Model& model);

  [[nodiscard]] const EnumeratedLayer& layer() const { return layer_; }
  /// How many states the high units have.
  [[nodiscard]] int64_t high_states() const { return int64_t{1} << high_bias_.numel(); }
  [[nodiscard]] int64_t high_units() const { return high_bias_.numel(); }
  /// Units of the enumerated layer, without those that were added to have enough low ones.
  [[nodiscard]] int64_t units() const { return units_; }
  /// Whether it is the hidden layer whose states are enumerated.
  [[nodiscard]] bool hidden() const { return hidden_; }
  /// By how much the added units raise log Z.
  [[nodiscard]] double log_added_states() const;
  /// Nanoseconds that a kernel takes for all states of the low units and one of the high units.
  [[nodiscard]] double cost() const;

  /// [states of the low units, low units], 0 and 1, float64.
  [[nodiscard]] static Tensor low_states();

 private:
  Enumeration() = default;

  bool hidden_ = true;
  int64_t units_ = 0;
  // What layer_ points to.
  Tensor other_bias_;
  Tensor high_weights_;
  Tensor high_bias_;
  Tensor low_weights_;
  Tensor low_factors_;
  EnumeratedLayer layer_{};
};

}  // namespace torch_rbm::cpu
