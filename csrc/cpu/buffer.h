// Uninitialised, aligned memory that is used again.
#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>
#include <utility>

namespace torch_rbm::cpu {

/// Memory for `bytes` bytes from a pool, or from PyTorch's CPU allocator when the pool has none. An
/// operator needs some megabytes in every call; memory that goes back to the system in between
/// comes back as page faults, which cost as much as the kernels.
[[nodiscard]] c10::DataPtr take_memory(int64_t bytes);
/// Puts it back; the pool keeps a bounded amount.
void return_memory(c10::DataPtr memory, int64_t bytes);

template <typename Value>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t size) : size_(size), memory_(take_memory(bytes())) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() {
    if (memory_) {
      return_memory(std::move(memory_), bytes());
    }
  }

  [[nodiscard]] Value* data() const { return static_cast<Value*>(memory_.get()); }

  /// Makes room for `size` values; what was there is lost when it has to grow.
  void reserve(int64_t size) {
    if (size > size_) {
      *this = Buffer(size);
    }
  }

 private:
  [[nodiscard]] int64_t bytes() const { return size_ * static_cast<int64_t>(sizeof(Value)); }
  void swap(Buffer& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(memory_, other.memory_);
  }

  int64_t size_ = 0;
  c10::DataPtr memory_;
};

}  // namespace torch_rbm::cpu
