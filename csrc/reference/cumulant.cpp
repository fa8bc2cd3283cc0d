// cumulant as an ATen formula, its only implementation: PyTorch differentiates it by itself.
#include "ops/checks.h"
#include "reference/model.h"

#include <torch/library.h>

#include <optional>
#include <string_view>

namespace torch_rbm::reference {

namespace {

Tensor cumulant(const Tensor& field, std::string_view units,
                const std::optional<Tensor>& precision) {
  checks::cumulant("cumulant", field, units, precision);
  return make_layer(units, field.sym_size(-1).guard_int(__FILE__, __LINE__), precision)
      ->cumulant(accumulated(field, field));
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeImplicitAutograd, m) {
  m.impl("cumulant", &cumulant);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("cumulant", &cumulant);
}

}  // namespace torch_rbm::reference
