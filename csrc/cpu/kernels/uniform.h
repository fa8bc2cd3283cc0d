// The uniforms of one group of units in many rows.
#pragma once

#include "cpu/kernels/vector.h"
#include "random/philox.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

/// Words are kept in 64-bit lanes, of which a product reads the lower half: what is left in the
/// upper half does not matter.
class UniformGroup {
 public:
  explicit UniformGroup(const Draw& draw)
      : first_(random::philox_counter(
            static_cast<uint64_t>(draw.block) * static_cast<uint64_t>(random::kBlocksPerGroup), 0,
            draw.step, draw.layer)) {
    auto key0 = static_cast<uint32_t>(draw.seed);
    auto key1 = static_cast<uint32_t>(draw.seed >> 32);
    for (int round = 0; round < random::kPhiloxRounds; ++round) {
      keys0_[round] = Words{} + key0;
      keys1_[round] = Words{} + key1;
      key0 += random::kPhiloxWeyl0;
      key1 += random::kPhiloxWeyl1;
    }
    for (int64_t block = 0; block < random::kBlocksPerGroup; ++block) {
      blocks_[block / kLanes][block % kLanes] = first_.words[0] + static_cast<uint64_t>(block);
    }
  }

  /// The 64 units of a row, in order.
  void row(int64_t row, float* out) const {
    const uint64_t row_word = static_cast<uint32_t>(row);
#pragma GCC unroll 2
    for (int64_t first = 0; first < kRegisters; first += kSideBySide) {
      Words words[kSideBySide][4];
#pragma GCC unroll 2
      for (int64_t i = 0; i < kSideBySide; ++i) {
        words[i][0] = blocks_[first + i];
        words[i][1] = Words{} + row_word;
        words[i][2] = Words{} + first_.words[2];
        words[i][3] = Words{} + first_.words[3];
      }
#pragma GCC unroll 10
      for (int round = 0; round < random::kPhiloxRounds; ++round) {
#pragma GCC unroll 2
        for (int64_t i = 0; i < kSideBySide; ++i) {
          advance(words[i], keys0_[round], keys1_[round]);
        }
      }
#pragma GCC unroll 2
      for (int64_t i = 0; i < kSideBySide; ++i) {
        for (int64_t word = 0; word < 4; ++word) {
          store(words[i][word], out + word * random::kBlocksPerGroup + (first + i) * kLanes);
        }
      }
    }
  }

 private:
  using Words = Register<uint64_t>;
  static constexpr int64_t kLanes = kVectorBytes / static_cast<int64_t>(sizeof(uint64_t));
  static constexpr int64_t kRegisters = random::kBlocksPerGroup / kLanes;
  // Independent chains of products, so that one need not wait for the other.
  static constexpr int64_t kSideBySide = 2;

  static void advance(Words (&words)[4], Words key0, Words key1) {
    const Words product0 = multiply_lower(words[0], random::kPhiloxMultiplier0);
    const Words product1 = multiply_lower(words[2], random::kPhiloxMultiplier1);
    words[0] = (product1 >> 32) ^ words[1] ^ key0;
    words[1] = product1;
    words[2] = (product0 >> 32) ^ words[3] ^ key1;
    words[3] = product0;
  }

  static void store(Words words, float* out) {
    typedef uint32_t Halves __attribute__((vector_size(kVectorBytes / 2)));
    typedef int32_t Signed __attribute__((vector_size(kVectorBytes / 2)));
    typedef float Floats __attribute__((vector_size(kVectorBytes / 2), may_alias, aligned(4)));
    const auto bits = __builtin_convertvector(words, Halves) >> random::kUniformShift;
    *reinterpret_cast<Floats*>(out) =
        __builtin_convertvector(reinterpret_cast<Signed>(bits), Floats) * random::kUniformScale;
  }

  random::PhiloxBlock first_;
  Words keys0_[random::kPhiloxRounds];
  Words keys1_[random::kPhiloxRounds];
  Words blocks_[kRegisters];
};

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
