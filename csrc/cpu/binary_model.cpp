// Spin units as Bernoulli units.
#include "cpu/binary_model.h"

#include "units/bernoulli.h"

#include <ATen/TensorOperators.h>

namespace torch_rbm::cpu {

namespace {

units::TwoStates states_of(const units::UnitType& units) {
  return units.two_states().value_or(units::TwoStates{});
}

}  // namespace

double energy_of_zeros(const Tensor& bias, const units::TwoStates& states) {
  return states.zero == 0 ? 0 : -states.zero * bias.sum(at::kDouble).item<double>();
}

BinaryModel::BinaryModel(const reference::Model& model)
    : parameters_(model), visible_(states_of(*model.visible)), hidden_(states_of(*model.hidden)) {
  const auto rename = [&](const units::TwoStates& states, units::Layer& layer, Tensor& bias,
                          Tensor& other_bias, int64_t layer_dim) {
    if (states != units::TwoStates{}) {
      energy_offset_ += energy_of_zeros(bias, states);
      other_bias = other_bias + parameters_.weight.sum(layer_dim) * states.zero;
      bias = bias * states.scale();
      parameters_.weight = parameters_.weight * states.scale();
      layer = std::make_shared<units::Bernoulli>(layer->size());
    }
  };
  reference::Model& of = parameters_;
  rename(visible_, of.visible, of.visible_bias, of.hidden_bias, 1);
  rename(hidden_, of.hidden, of.hidden_bias, of.visible_bias, 0);
}

Gradients BinaryModel::renamed(const Gradients& gradients, double constant) const {
  if (visible_ == units::TwoStates{} && hidden_ == units::TwoStates{}) {
    return gradients;
  }
  const auto& [weight, visible_bias, hidden_bias] = gradients;
  // ⟨s⟩ = zero + scale ⟨t⟩ for either layer, and so for the product of the two.
  Tensor pairs = weight * (visible_.scale() * hidden_.scale());
  pairs += (hidden_bias * (hidden_.scale() * visible_.zero)).unsqueeze(1);
  pairs += visible_bias * (visible_.scale() * hidden_.zero);
  pairs += constant * visible_.zero * hidden_.zero;
  const PhaseMeans means = renamed(PhaseMeans{visible_bias, hidden_bias}, constant);
  return {pairs, means.visible, means.hidden};
}

PhaseMeans BinaryModel::renamed(const PhaseMeans& means, double constant) const {
  if (visible_ == units::TwoStates{} && hidden_ == units::TwoStates{}) {
    return means;
  }
  return {means.visible * visible_.scale() + constant * visible_.zero,
          means.hidden * hidden_.scale() + constant * hidden_.zero};
}

BinaryModel BinaryModel::less(const Tensor& base_visible_bias) const {
  BinaryModel result = *this;
  result.parameters_.visible_bias = parameters_.visible_bias - base_visible_bias * visible_.scale();
  return result;
}

BinaryModel BinaryModel::to(at::ScalarType dtype) const {
  BinaryModel result = *this;
  result.parameters_ = parameters_.to(dtype);
  return result;
}

}  // namespace torch_rbm::cpu
