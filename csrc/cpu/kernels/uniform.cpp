// Fills rows of uniforms from Philox.
#include "cpu/kernels/uniform.h"

#include "cpu/kernels/table.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

void uniform(Draw draw, int64_t rows, int64_t units, float* out) {
  static_assert(kBlockUnits == random::kUnitsPerGroup);
  for (int64_t unit = 0; unit < units; unit += kBlockUnits, ++draw.block) {
    const UniformGroup uniforms(draw);
    const int64_t count = units - unit < kBlockUnits ? units - unit : kBlockUnits;
    for (int64_t row = 0; row < rows; ++row) {
      float* const row_out = out + row * units + unit;
      if (count == kBlockUnits) {
        uniforms.row(draw.first_row + row, row_out);
      } else {
        float last[kBlockUnits];
        uniforms.row(draw.first_row + row, last);
        for (int64_t i = 0; i < count; ++i) {
          row_out[i] = last[i];
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
