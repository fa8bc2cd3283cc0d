// The states of a model's smaller layer, in blocks.
#pragma once

#include "reference/model.h"

#include <ATen/core/Tensor.h>

#include <functional>

namespace torch_rbm::reference {

/// The layer that is enumerated, the one with fewer states, and the other one, which is summed or
/// integrated in closed form; in float64.
class Enumeration {
 public:
  /// Some states of the enumerated layer, [states, enumerated], the fields that they cause in the
  /// other layer, and log Σ_other exp(-E), [states].
  struct Block {
    Tensor states;
    Tensor other_field;
    Tensor log_weight;
  };

  explicit Enumeration(const Model& model);

  void for_each_block(const std::function<void(const Block&)>& visit) const;

  /// Whether it is the hidden layer whose states are enumerated.
  [[nodiscard]] bool hidden() const { return hidden_; }
  [[nodiscard]] const units::UnitType& other_units() const { return *other_units_; }

 private:
  bool hidden_;
  units::Layer units_;
  units::Layer other_units_;
  Tensor weight_;  // [other, enumerated]
  Tensor bias_;
  Tensor other_bias_;
};

}  // namespace torch_rbm::reference
