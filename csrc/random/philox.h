// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (2011), and how torch_rbm fills its counter. For host and device.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define TORCH_RBM_HOST_DEVICE __host__ __device__
#else
#define TORCH_RBM_HOST_DEVICE
#endif

namespace torch_rbm::random {

constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53;
constexpr uint32_t kPhiloxMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9;
constexpr uint32_t kPhiloxWeyl1 = 0xBB67AE85;
constexpr int kPhiloxRounds = 10;

struct PhiloxBlock {
  uint32_t words[4];
};

TORCH_RBM_HOST_DEVICE static inline PhiloxBlock philox(PhiloxBlock counter, uint32_t key0,
                                                       uint32_t key1) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t product0 = uint64_t{kPhiloxMultiplier0} * counter.words[0];
    const uint64_t product1 = uint64_t{kPhiloxMultiplier1} * counter.words[2];
    counter = {{static_cast<uint32_t>(product1 >> 32) ^ counter.words[1] ^ key0,
                static_cast<uint32_t>(product1),
                static_cast<uint32_t>(product0 >> 32) ^ counter.words[3] ^ key1,
                static_cast<uint32_t>(product0)}};
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return counter;
}

// Each block of four words serves four units of a row that lie 16 apart, and 16 blocks a group of
// 64 units: a vector of 16 (or 8) consecutive blocks yields 16 (or 8) consecutive units a word.
constexpr int64_t kBlocksPerGroup = 16;
constexpr int64_t kUnitsPerGroup = 4 * kBlocksPerGroup;

struct PhiloxPosition {
  int64_t block;
  int64_t word;
};

TORCH_RBM_HOST_DEVICE static inline PhiloxPosition philox_position(int64_t unit) {
  return {unit / kUnitsPerGroup * kBlocksPerGroup + unit % kBlocksPerGroup,
          unit % kUnitsPerGroup / kBlocksPerGroup};
}

// The counter of a draw: word 0 is the block, word 1 the row, words 2 and 3 hold 56 bits of the
// step and 8 bits of the layer.
constexpr int kLayerBits = 8;

TORCH_RBM_HOST_DEVICE static inline PhiloxBlock philox_counter(uint64_t block, uint64_t row,
                                                               uint64_t step, uint32_t layer) {
  return {{static_cast<uint32_t>(block), static_cast<uint32_t>(row), static_cast<uint32_t>(step),
           (static_cast<uint32_t>(step >> 32) << kLayerBits) | layer}};
}

// The upper 24 bits of a word as a float32 in [0, 1): every value is exact, so that u < p is never
// true for p = 0 and always for p = 1.
constexpr int kUniformShift = 8;
constexpr float kUniformScale = 1.0F / 16777216.0F;

TORCH_RBM_HOST_DEVICE static inline float philox_uniform(uint32_t word) {
  return static_cast<float>(word >> kUniformShift) * kUniformScale;
}

}  // namespace torch_rbm::random
