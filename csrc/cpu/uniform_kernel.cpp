// Fills rows of uniforms from Philox.
#include "cpu/uniform_kernel.h"

#include "random/philox.h"

#include <algorithm>

namespace torch_rbm::cpu {

namespace {

using random::kBlocksPerGroup;
using random::kUnitsPerGroup;

// The 64 units of one group, in order; the loop over blocks is the one that vectorises.
void uniform_group(uint64_t seed, uint64_t step, uint32_t layer, uint64_t row, uint64_t group,
                   float* out) {
  for (int64_t block = 0; block < kBlocksPerGroup; ++block) {
    const uint64_t number = group * kBlocksPerGroup + static_cast<uint64_t>(block);
    const random::PhiloxBlock bits =
        random::philox(random::philox_counter(number, row, step, layer),
                       static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
    for (int64_t word = 0; word < 4; ++word) {
      out[word * kBlocksPerGroup + block] = random::philox_uniform(bits.words[word]);
    }
  }
}

}  // namespace

void uniform_rows(uint64_t seed, uint64_t step, uint32_t layer, int64_t first_row, int64_t last_row,
                  int64_t units, float* out) {
  for (int64_t row = first_row; row < last_row; ++row) {
    float* const row_out = out + row * units;
    for (int64_t unit = 0; unit < units; unit += kUnitsPerGroup) {
      const auto group = static_cast<uint64_t>(unit / kUnitsPerGroup);
      const auto row_number = static_cast<uint64_t>(row);
      if (units - unit >= kUnitsPerGroup) {
        uniform_group(seed, step, layer, row_number, group, row_out + unit);
      } else {
        float last[kUnitsPerGroup];
        uniform_group(seed, step, layer, row_number, group, last);
        std::copy_n(last, units - unit, row_out + unit);
      }
    }
  }
}

}  // namespace torch_rbm::cpu
