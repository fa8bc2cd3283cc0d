// uniform as a C++ function.
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include <torch_rbm/ops.h>

namespace torch_rbm {

Tensor uniform(const Tensor& key, int64_t rows, int64_t units, int64_t step, int64_t layer) {
  static const auto op = find_operator<signatures::Uniform>("torch_rbm::uniform");
  return op.call(key, rows, units, step, layer);
}

}  // namespace torch_rbm
