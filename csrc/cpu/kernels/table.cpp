// The table of the kernels of one instruction set.
#include "cpu/kernels/table.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

// As measured by benchmarks/cpp/kernels.cpp on a Zen 4 core. Other machines are faster or slower,
// but the ratios, on which the choice of a path depends, differ little.
#if defined(__AVX512F__)
constexpr Costs kCosts{.row_addition = 0.46, .table_word = 5.2, .table_build = 215};
#elif defined(__AVX2__)
constexpr Costs kCosts{.row_addition = 0.53, .table_word = 7.2, .table_build = 280};
#else
constexpr Costs kCosts{.row_addition = 0.8, .table_word = 11.7, .table_build = 555};
#endif

template <typename Real>
void add_real_kernels(RealKernels<Real>& kernels) {
  add_panel_kernels(kernels);
  add_sums_kernels(kernels);
  add_bernoulli_kernels(kernels);
  add_centering_kernel(kernels);
  add_ratings_kernels(kernels);
}

}  // namespace

Kernels make_kernels() {
  Kernels kernels{};
  kernels.costs = kCosts;
  add_state_kernels(kernels);
  add_uniform_kernel(kernels);
  add_enumeration_kernel(kernels);
  add_real_kernels(kernels.single);
  add_real_kernels(kernels.wide);
  return kernels;
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
