// Draws the uniforms of a stream.
#include "random/stream.h"

#include <torch_rbm/ops.h>

namespace torch_rbm::random {

at::Tensor Stream::uniform(const at::Tensor& like) const {
  const auto sizes = like.sizes();
  const int64_t units = sizes.back();
  const int64_t rows = c10::multiply_integers(sizes.slice(0, sizes.size() - 1));
  return torch_rbm::uniform(key, rows, units, step, static_cast<int64_t>(layer)).view(sizes);
}

}  // namespace torch_rbm::random
