// Many truth values to one word.
#pragma once

#include "cpu/kernels/kernels.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

/// Bit i of the result is `bytes[i]`, 0 or 1, for 64 bytes. The product moves bit 0 of byte i of
/// eight bytes to bit 56 + i.
static inline uint64_t gather_bits(const uint8_t* bytes) {
  constexpr int64_t kByteBits = 8;
  constexpr uint64_t kGather = 0x0102040810204080;
  uint64_t word = 0;
  for (int64_t byte = 0; byte < kBlockUnits / kByteBits; ++byte) {
    uint64_t eight = 0;
    __builtin_memcpy(&eight, bytes + byte * kByteBits, sizeof(eight));
    word |= (eight * kGather >> (kBlockUnits - kByteBits)) << (byte * kByteBits);
  }
  return word;
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
