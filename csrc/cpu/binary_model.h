// A model with its spin units renamed Bernoulli units, as the kernels know no others.
#pragma once

#include "reference/model.h"

namespace torch_rbm::cpu {

using at::Tensor;

/// Gradients for the parameters of a model.
struct Gradients {
  Tensor weight;
  Tensor visible_bias;
  Tensor hidden_bias;
};

/// Means of the units of both layers, or sums of such means.
struct PhaseMeans {
  Tensor visible;
  Tensor hidden;
};

/// Units with states s = zero + (one - zero) t are Bernoulli units t after a change of weights and
/// biases. Units that do not have two states stay what they are.
class BinaryModel {
 public:
  explicit BinaryModel(const reference::Model& model);

  /// With Bernoulli units only, where the given model has units of two states.
  [[nodiscard]] const reference::Model& parameters() const { return parameters_; }
  /// What the given model calls the states 0 and 1 of a layer.
  [[nodiscard]] const units::TwoStates& visible_states() const { return visible_; }
  [[nodiscard]] const units::TwoStates& hidden_states() const { return hidden_; }
  /// The energies of the given model minus those of parameters().
  [[nodiscard]] double energy_offset() const { return energy_offset_; }

  /// Gradients for the parameters of the given model; `constant` is the gradient of a constant
  /// statistic: the weights of all rows of both phases added up.
  [[nodiscard]] Gradients renamed(const Gradients& gradients, double constant) const;
  /// Means likewise.
  [[nodiscard]] PhaseMeans renamed(const PhaseMeans& means, double constant) const;

  /// The same model with its visible biases less those of a base model, which are the fields of
  /// the given model's visible units there.
  [[nodiscard]] BinaryModel less(const Tensor& base_visible_bias) const;

  [[nodiscard]] at::ScalarType dtype() const { return parameters_.weight.scalar_type(); }
  [[nodiscard]] BinaryModel to(at::ScalarType dtype) const;

 private:
  reference::Model parameters_;
  units::TwoStates visible_;
  units::TwoStates hidden_;
  double energy_offset_ = 0;
};

/// The energy -biasᵀs of units in their state `zero`.
[[nodiscard]] double energy_of_zeros(const Tensor& bias, const units::TwoStates& states);

}  // namespace torch_rbm::cpu
