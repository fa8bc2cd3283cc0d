// A model of Bernoulli units as the kernels that enumerate its smaller layer read it.
#pragma once

#include "cpu/binary_model.h"
#include "cpu/capability.h"

#include <optional>

namespace torch_rbm::cpu {

/// The smaller layer split into low units, whose states one kernel step takes together, and high
/// units, whose states are numbered and visited piece by piece.
class Enumeration {
 public:
  /// Nothing where the kernels are not for this model: units without two states, numbers that are
  /// not finite, or fields too large for products of exp. Throws, in the name of the operator `op`,
  /// where both layers are too large.
  [[nodiscard]] static std::optional<Enumeration> of(const char* op, const reference::Model& model);

  [[nodiscard]] const EnumeratedLayer& layer() const { return layer_; }
  /// How many states the high units have.
  [[nodiscard]] int64_t high_states() const { return int64_t{1} << high_bias_.numel(); }
  /// Units of the enumerated layer, without those that were added to have enough low ones.
  [[nodiscard]] int64_t units() const { return units_; }
  /// The model with its spin units renamed, in float64.
  [[nodiscard]] const BinaryModel& binary() const { return binary_; }
  /// Whether it is the hidden layer whose states are enumerated.
  [[nodiscard]] bool hidden() const { return hidden_; }
  /// What is to be added to the kernels' log Z, for the units that were added and renamed.
  [[nodiscard]] double log_z_offset() const;
  /// Nanoseconds that a kernel takes for all states of the low units and one of the high units.
  [[nodiscard]] double cost() const;

  /// [states of the low units, low units], 0 and 1, float64.
  [[nodiscard]] static Tensor low_states();

 private:
  explicit Enumeration(const reference::Model& model) : binary_(model.to(at::kDouble)) {}

  BinaryModel binary_;
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
