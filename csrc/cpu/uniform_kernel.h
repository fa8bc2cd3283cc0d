// Fills rows of uniforms from Philox; raw pointers, no ATen.
#pragma once

#include <cstdint>

namespace torch_rbm::cpu {

/// Rows `first_row` to `last_row` of the [rows, units] stream of this key, step and layer; `out`
/// points at row 0.
void uniform_rows(uint64_t seed, uint64_t step, uint32_t layer, int64_t first_row, int64_t last_row,
                  int64_t units, float* out);

}  // namespace torch_rbm::cpu
