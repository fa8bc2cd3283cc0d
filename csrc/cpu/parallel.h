// Tasks shared among the threads of PyTorch.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace torch_rbm::cpu {

/// Work of less than this many nanoseconds on one thread is not worth waking another.
inline constexpr double kParallelWork = 20'000;

/// Calls task(0) to task(count - 1); no task may depend on another. Each thread has a range of its
/// own, the same in every call with this count, so that it finds in its caches what it left there;
/// when it is done it takes from the others. `work` is the whole cost in nanoseconds.
template <typename Task>
void run_tasks(int64_t count, double work, const Task& task) {
  if (count <= 1 || work < kParallelWork || at::in_parallel_region() ||
      at::get_num_threads() == 1) {
    for (int64_t i = 0; i < count; ++i) {
      task(i);
    }
    return;
  }
  struct alignas(64) Range {
    std::atomic<int64_t> next = 0;
    int64_t last = 0;
  };
  const auto threads = static_cast<size_t>(std::min<int64_t>(at::get_num_threads(), count));
  std::vector<Range> ranges(threads);
  for (size_t i = 0; i < threads; ++i) {
    ranges[i].next = static_cast<int64_t>(i) * count / static_cast<int64_t>(threads);
    ranges[i].last = static_cast<int64_t>(i + 1) * count / static_cast<int64_t>(threads);
  }
  at::parallel_for(0, static_cast<int64_t>(threads), /*grain_size=*/1, [&](int64_t own, int64_t) {
    for (size_t offset = 0; offset < threads; ++offset) {
      Range& range = ranges[(static_cast<size_t>(own) + offset) % threads];
      for (int64_t i = range.next++; i < range.last; i = range.next++) {
        task(i);
      }
    }
  });
}

}  // namespace torch_rbm::cpu
