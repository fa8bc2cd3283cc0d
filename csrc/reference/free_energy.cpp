// free_energy as an ATen formula.
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

namespace torch_rbm::reference {

Tensor free_energy(const Tensor& visible, const Model& model) {
  const Tensor states = accumulated(visible, model.weight);
  const Tensor hidden = model.hidden.cumulant(model.hidden_field(states)).sum(-1);
  return -at::matmul(states, model.visible_bias) - hidden;
}

namespace {

Tensor free_energy_kernel(const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
                          const Tensor& hidden_bias, std::string_view visible_units,
                          std::string_view hidden_units) {
  constexpr auto kOp = "free_energy";
  checks::free_energy(kOp, visible, weight, visible_bias, hidden_bias, visible_units, hidden_units);
  return free_energy(
      visible, make_model(kOp, weight, visible_bias, hidden_bias, visible_units, hidden_units));
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
