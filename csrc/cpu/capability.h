// The kernels for the machine at hand.
#pragma once

#include "cpu/kernels/kernels.h"

namespace torch_rbm::cpu {

/// The kernels of the instruction set that PyTorch uses; ATEN_CPU_CAPABILITY sets it for both.
[[nodiscard]] const Kernels& kernels();

}  // namespace torch_rbm::cpu
