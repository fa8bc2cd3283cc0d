// uniform: the random stream of the samplers.
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include "random/stream.h"
#include <torch_rbm/ops.h>

namespace torch_rbm {

Tensor uniform(const Tensor& key, int64_t rows, int64_t units, int64_t step, int64_t layer) {
  static const auto op = find_operator<signatures::Uniform>("torch_rbm::uniform");
  return op.call(key, rows, units, step, layer);
}

Tensor random::Stream::uniform(const Tensor& like) const {
  const auto sizes = like.sizes();
  const int64_t units = sizes.back();
  const int64_t rows = c10::multiply_integers(sizes.slice(0, sizes.size() - 1));
  return torch_rbm::uniform(key, rows, units, step, static_cast<int64_t>(layer)).view(sizes);
}

}  // namespace torch_rbm
