// The key of a sampler, as kernels take it.
#pragma once

#include "cpu/kernels/kernels.h"
#include "random/stream.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace torch_rbm::cpu {

/// The two halves of a key tensor [seed, offset].
struct Key {
  uint64_t seed;
  uint64_t offset;

  explicit Key(const at::Tensor& key) {
    const at::Tensor halves = key.contiguous();
    seed = static_cast<uint64_t>(halves.const_data_ptr<int64_t>()[0]);
    offset = static_cast<uint64_t>(halves.const_data_ptr<int64_t>()[1]);
  }

  [[nodiscard]] Draw draw(int64_t step, random::Layer layer, int64_t first_row) const {
    return {seed, offset + static_cast<uint64_t>(step), static_cast<uint32_t>(layer), first_row, 0};
  }
};

/// Uniforms of so many rows and units from a draw on, float32 [rows, units].
[[nodiscard]] at::Tensor uniforms(const Draw& draw, int64_t rows, int64_t units);

}  // namespace torch_rbm::cpu
