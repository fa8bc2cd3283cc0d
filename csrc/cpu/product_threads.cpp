#include "cpu/product_threads.h"

#include <algorithm>
#include <cstdint>

extern "C" {
// MKL's own, for the calling thread alone: returns the number before, 0 for that of the process.
// The name in lower case is that of Fortran, which takes a pointer. PyTorch has MKL in itself, and
// exports this function; builds with another BLAS do not.
[[gnu::weak]] int MKL_Set_Num_Threads_Local(int threads);
}

namespace torch_rbm::cpu {

namespace {

// Multiplications from which on a second thread saves more than waking it costs.
constexpr int64_t kWorthAThread = 1'000'000;

bool are_small(const at::Tensor& states, const at::Tensor& weight) {
  const int64_t rows = states.numel() / std::max<int64_t>(states.size(-1), 1);
  return rows * weight.numel() < kWorthAThread;
}

}  // namespace

ProductThreads::ProductThreads(const at::Tensor& states, const at::Tensor& weight) {
  if (MKL_Set_Num_Threads_Local != nullptr && are_small(states, weight)) {
    before_ = MKL_Set_Num_Threads_Local(1);
  }
}

ProductThreads::~ProductThreads() {
  if (before_) {
    MKL_Set_Num_Threads_Local(*before_);
  }
}

}  // namespace torch_rbm::cpu
