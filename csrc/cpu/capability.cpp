// Chooses among the instruction sets that the kernels were compiled for.
#include "cpu/capability.h"

#include "cpu/kernels/instruction_sets.h"

#include <ATen/Version.h>

#include <string>

namespace torch_rbm::cpu {

namespace {

Kernels choose() {
#if defined(TORCH_RBM_X86_KERNELS)
  const std::string capability = at::get_cpu_capability();
  if (capability == "AVX512") {
    return avx512::make_kernels();
  }
  if (capability == "AVX2") {
    return avx2::make_kernels();
  }
#endif
  return baseline::make_kernels();
}

}  // namespace

const Kernels& kernels() {
  static const Kernels chosen = choose();
  return chosen;
}

}  // namespace torch_rbm::cpu
