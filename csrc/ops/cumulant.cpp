// cumulant as a C++ function.
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include <torch_rbm/ops.h>

namespace torch_rbm {

Tensor cumulant(const Tensor& field, const LayerUnits& units) {
  static const auto op = find_operator<signatures::Cumulant>("torch_rbm::cumulant");
  return op.call(field, units.type, units.precision);
}

}  // namespace torch_rbm
