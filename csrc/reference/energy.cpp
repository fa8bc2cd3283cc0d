// energy as an ATen formula, its only implementation: PyTorch differentiates it by itself.
#include "ops/checks.h"
#include "reference/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

#include <optional>
#include <string_view>

namespace torch_rbm::reference {

namespace {

Tensor energy(const Tensor& visible, const Tensor& hidden, const Tensor& weight,
              const Tensor& visible_bias, const Tensor& hidden_bias, std::string_view visible_units,
              std::string_view hidden_units, const std::optional<Tensor>& visible_precision,
              const std::optional<Tensor>& hidden_precision) {
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::energy("energy", visible, hidden, arguments);
  const Model model(arguments);
  const Tensor v = accumulated(visible, weight);
  const Tensor h = accumulated(hidden, weight);
  return units::self_energy(*model.visible, v) + units::self_energy(*model.hidden, h) -
         at::matmul(v, model.visible_bias) - (h * model.hidden_field(v)).sum(-1);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeImplicitAutograd, m) {
  m.impl("energy", &energy);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("energy", &energy);
}

}  // namespace torch_rbm::reference
