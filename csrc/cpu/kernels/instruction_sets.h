// The kernels of each instruction set that they were compiled for. A machine may lack some.
#pragma once

#include "cpu/kernels/kernels.h"

namespace torch_rbm::cpu {

namespace baseline {
[[nodiscard]] Kernels make_kernels();
}
#if defined(TORCH_RBM_X86_KERNELS)
namespace avx2 {
[[nodiscard]] Kernels make_kernels();
}
namespace avx512 {
[[nodiscard]] Kernels make_kernels();
}
#endif

}  // namespace torch_rbm::cpu
