// The pool behind buffers.
#include "cpu/buffer.h"

#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace torch_rbm::cpu {

namespace {

constexpr int64_t kMostKept = int64_t{64} << 20;
// Smaller pieces are not worth the search: malloc keeps those itself.
constexpr int64_t kLeast = int64_t{64} << 10;

struct Piece {
  int64_t bytes;
  c10::DataPtr memory;
};

class Pool {
 public:
  /// A piece of `bytes` bytes, or a null pointer.
  c10::DataPtr take(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(pieces_, bytes, &Piece::bytes);
    if (found == pieces_.end()) {
      return {};
    }
    c10::DataPtr memory = std::move(found->memory);
    kept_ -= bytes;
    pieces_.erase(found);
    return memory;
  }

  void put(c10::DataPtr memory, int64_t bytes) {
    const std::lock_guard lock(mutex_);
    pieces_.push_back({bytes, std::move(memory)});
    kept_ += bytes;
    while (kept_ > kMostKept) {  // the oldest first
      kept_ -= pieces_.front().bytes;
      pieces_.erase(pieces_.begin());
    }
  }

 private:
  std::mutex mutex_;
  std::vector<Piece> pieces_;
  int64_t kept_ = 0;
};

Pool& pool() {
  // Not destroyed at exit, when PyTorch's allocator may be gone.
  static auto* const shared = new Pool;  // NOLINT(cppcoreguidelines-owning-memory)
  return *shared;
}

// Few sizes, so that pieces fit again: a mantissa of three bits.
int64_t rounded_up(int64_t bytes) {
  int64_t unit = kLeast / 8;
  while (8 * unit < bytes) {
    unit *= 2;
  }
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

c10::DataPtr take_memory(int64_t bytes) {
  if (bytes < kLeast) {
    return c10::GetCPUAllocator()->allocate(static_cast<size_t>(bytes));
  }
  const int64_t size = rounded_up(bytes);
  c10::DataPtr memory = pool().take(size);
  return memory ? std::move(memory) : c10::GetCPUAllocator()->allocate(static_cast<size_t>(size));
}

void return_memory(c10::DataPtr memory, int64_t bytes) {
  if (bytes >= kLeast) {
    pool().put(std::move(memory), rounded_up(bytes));
  }
}

}  // namespace torch_rbm::cpu
