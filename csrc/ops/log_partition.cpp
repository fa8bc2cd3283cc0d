// log_partition as a C++ function.
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include <torch_rbm/ops.h>

namespace torch_rbm {

Tensor log_partition(const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                     const Units& units) {
  static const auto op = find_operator<signatures::LogPartition>("torch_rbm::log_partition");
  return op.call(weight, visible_bias, hidden_bias, units.visible, units.hidden,
                 units.visible_precision, units.hidden_precision);
}

}  // namespace torch_rbm
