// How a product of binary states with weights is computed: the one place that decides.
#pragma once

#include <cstdint>

namespace torch_rbm::cpu {

enum class Path : uint8_t {
  rows,    // add the weights of each active unit
  tables,  // add precomputed sums of a few units' weights, whatever their states
};

/// Whether operators use the kernels: not when TORCH_RBM_CPU_PATH=reference, which asks for the
/// ATen formulas.
[[nodiscard]] bool use_kernels();

/// The cheaper way for `active` active units in `rows` rows of `words` words of 64 units.
/// TORCH_RBM_CPU_PATH=rows or tables overrides it; results do not depend on it.
[[nodiscard]] Path choose_path(int64_t active, int64_t rows, int64_t words);

/// Nanoseconds on one thread for the product with `outputs` units, by that way.
[[nodiscard]] double product_cost(Path path, int64_t active, int64_t rows, int64_t words,
                                  int64_t outputs);

/// Whether packing so many weights for one product with `rows` rows takes less time than it saves.
/// Means and energies differ by rounding between the two ways; samplers always pack, so that their
/// states do not.
[[nodiscard]] bool packing_pays(int64_t rows, int64_t weights);

/// Nanoseconds on one thread to sample, average or sum up `rows` rows of `outputs` units.
[[nodiscard]] double units_cost(int64_t rows, int64_t outputs);

}  // namespace torch_rbm::cpu
