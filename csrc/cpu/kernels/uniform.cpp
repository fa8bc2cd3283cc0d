// Fills rows of uniforms from Philox.
#include "cpu/kernels/uniform.h"

#include "cpu/kernels/table.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

void uniform(uint64_t seed, uint64_t step, uint32_t layer, int64_t first_row, int64_t last_row,
             int64_t units, float* out) {
  static_assert(kBlockUnits == random::kUnitsPerGroup);
  for (int64_t row = first_row; row < last_row; ++row) {
    float* const row_out = out + row * units;
    for (int64_t unit = 0; unit < units; unit += kBlockUnits) {
      const auto group = static_cast<uint64_t>(unit / kBlockUnits);
      const auto row_number = static_cast<uint64_t>(row);
      if (units - unit >= kBlockUnits) {
        uniform_group(seed, step, layer, row_number, group, row_out + unit);
      } else {
        float last[kBlockUnits];
        uniform_group(seed, step, layer, row_number, group, last);
        for (int64_t i = 0; i < units - unit; ++i) {
          row_out[unit + i] = last[i];
        }
      }
    }
  }
}

}  // namespace

void add_uniform_kernel(Kernels& kernels) {
  kernels.uniform = &uniform;
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
