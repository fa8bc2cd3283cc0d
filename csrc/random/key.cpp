// Draws a key from a torch generator.
#include "random/key.h"

#include <ATen/ops/zeros.h>

#include <limits>

namespace torch_rbm::random {

at::Tensor draw_key(const std::optional<at::Generator>& generator, const at::Device& device) {
  at::Tensor key = at::zeros({2}, at::TensorOptions().dtype(at::kLong).device(device));
  key.narrow(0, 0, 1).random_(std::numeric_limits<int64_t>::min(), std::nullopt, generator);
  return key;
}

}  // namespace torch_rbm::random
