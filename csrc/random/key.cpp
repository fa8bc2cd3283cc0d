// Draws a key from a torch generator.
#include "random/key.h"

#include "ops/transforms.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace torch_rbm::random {

at::Tensor draw_key(const std::optional<at::Generator>& generator, const at::Device& device) {
  using Limits = std::numeric_limits<int64_t>;
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  if (transforms::is_mapped()) {
    // What vmap knows how to draw, as its argument `randomness` says.
    const at::Tensor seed = at::randint(Limits::min(), Limits::max(), {1}, generator, options);
    return at::cat({seed, at::zeros({1}, options)});
  }
  at::Tensor key = at::zeros({2}, options);
  key.narrow(0, 0, 1).random_(Limits::min(), std::nullopt, generator);
  return key;
}

}  // namespace torch_rbm::random
