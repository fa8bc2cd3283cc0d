// moments as a C++ function.
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include <torch_rbm/ops.h>

namespace torch_rbm {

Moments moments(const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                const Units& units) {
  static const auto op = find_operator<signatures::Moments>("torch_rbm::moments");
  auto [log_partition, pairs, visible, hidden] =
      op.call(weight, visible_bias, hidden_bias, units.visible, units.hidden,
              units.visible_precision, units.hidden_precision);
  return {std::move(log_partition), std::move(pairs), std::move(visible), std::move(hidden)};
}

}  // namespace torch_rbm
