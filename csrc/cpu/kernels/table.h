// Where each kernel file enters its functions into the table of its instruction set.
#pragma once

#include "cpu/kernels/kernels.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

void add_state_kernels(Kernels& kernels);
void add_uniform_kernel(Kernels& kernels);
void add_enumeration_kernel(Kernels& kernels);
template <typename Real>
void add_panel_kernels(RealKernels<Real>& kernels);
template <typename Real>
void add_sums_kernels(RealKernels<Real>& kernels);
template <typename Real>
void add_bernoulli_kernels(RealKernels<Real>& kernels);
template <typename Real>
void add_centering_kernel(RealKernels<Real>& kernels);
template <typename Real>
void add_ratings_kernels(RealKernels<Real>& kernels);

/// All kernels of this instruction set.
[[nodiscard]] Kernels make_kernels();

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
