// The uniforms of one group of units.
#pragma once

#include "cpu/kernels/vector.h"
#include "random/philox.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

/// The 64 units of one group, in order. Words are kept in 64-bit lanes, of which a product reads
/// the lower half: what is left in the upper half does not matter.
static inline void uniform_group(uint64_t seed, uint64_t step, uint32_t layer, uint64_t row,
                                 uint64_t group, float* out) {
  using random::kBlocksPerGroup;
  using Words = Register<uint64_t>;
  constexpr int64_t kLanes = kVectorBytes / static_cast<int64_t>(sizeof(uint64_t));
  typedef uint32_t Halves __attribute__((vector_size(kVectorBytes / 2)));
  typedef float Floats __attribute__((vector_size(kVectorBytes / 2), may_alias, aligned(4)));

  const random::PhiloxBlock first =
      random::philox_counter(group * static_cast<uint64_t>(kBlocksPerGroup), row, step, layer);
  for (int64_t block = 0; block < kBlocksPerGroup; block += kLanes) {
    alignas(kVectorBytes) uint64_t numbers[kLanes];
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      numbers[lane] = first.words[0] + static_cast<uint64_t>(block + lane);
    }
    Words words[4] = {*reinterpret_cast<const Words*>(numbers), Words{} + first.words[1],
                      Words{} + first.words[2], Words{} + first.words[3]};
    auto key0 = static_cast<uint32_t>(seed);
    auto key1 = static_cast<uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < random::kPhiloxRounds; ++round) {
      const Words product0 = multiply_lower(words[0], random::kPhiloxMultiplier0);
      const Words product1 = multiply_lower(words[2], random::kPhiloxMultiplier1);
      words[0] = (product1 >> 32) ^ words[1] ^ key0;
      words[1] = product1;
      words[2] = (product0 >> 32) ^ words[3] ^ key1;
      words[3] = product0;
      key0 += random::kPhiloxWeyl0;
      key1 += random::kPhiloxWeyl1;
    }
    for (int64_t i = 0; i < 4; ++i) {
      const auto bits = __builtin_convertvector(words[i], Halves) >> random::kUniformShift;
      typedef int32_t Signed __attribute__((vector_size(kVectorBytes / 2)));
      *reinterpret_cast<Floats*>(out + i * kBlocksPerGroup + block) =
          __builtin_convertvector(reinterpret_cast<Signed>(bits), Floats) * random::kUniformScale;
    }
  }
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
