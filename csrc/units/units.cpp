// What unit types share.
#include "units/units.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

namespace torch_rbm::units {

Tensor UnitType::states(int64_t /*first*/, int64_t /*count*/, const at::Device& /*device*/) const {
  TORCH_INTERNAL_ASSERT(false, "these units have no countable states");
}

Tensor self_energy(const UnitType& units, const Tensor& states) {
  const Tensor precision = units.precision();
  if (!precision.defined()) {
    return at::zeros({}, states.options());
  }
  return at::matmul(states.square(), precision.to(states.options())) / 2;
}

}  // namespace torch_rbm::units
