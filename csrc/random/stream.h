// The random numbers of one layer in one step.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace torch_rbm::random {

/// What a step draws numbers for.
enum class Layer : uint8_t { visible = 0, hidden = 1, swap = 2 };

/// Draws are a pure function of key, step, layer, row and unit.
struct Stream {
  const at::Tensor& key;
  int64_t step;
  Layer layer;

  /// Uniforms in [0, 1) of the shape of `like`: its last dimension are units, the others rows.
  [[nodiscard]] at::Tensor uniform(const at::Tensor& like) const;
};

}  // namespace torch_rbm::random
