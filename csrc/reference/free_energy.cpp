// free_energy as an ATen formula.
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

namespace torch_rbm::reference {

Tensor free_energy(const Tensor& visible, const Model& model) {
  const Tensor states = accumulated(visible, model.weight);
  return units::self_energy(*model.visible, states) - at::matmul(states, model.visible_bias) -
         model.hidden->cumulant(model.hidden_field(states));
}

namespace {

Tensor free_energy_kernel(const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
                          const Tensor& hidden_bias, std::string_view visible_units,
                          std::string_view hidden_units,
                          const std::optional<Tensor>& visible_precision,
                          const std::optional<Tensor>& hidden_precision) {
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::free_energy("free_energy", visible, model);
  return free_energy(visible, Model(model));
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("free_energy", &free_energy_kernel);
}

// The formula is made of ATen operators that know how to be mapped over.
TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("free_energy", &free_energy_kernel);
}

}  // namespace torch_rbm::reference
