// The uniform stream by integer arithmetic on tensors, for devices without a kernel of their own.
#include "ops/checks.h"
#include "random/philox.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <torch/library.h>

#include <array>

namespace torch_rbm::reference {

namespace {

constexpr int64_t kWordMask = 0xFFFFFFFF;

// 32-bit words are held in int64 elements; their products wrap around at 64 bits, as intended.
Tensor low_word(const Tensor& value) {
  return value.bitwise_and(kWordMask);
}
Tensor high_word(const Tensor& value) {
  return value.bitwise_right_shift(32).bitwise_and(kWordMask);
}

std::array<Tensor, 4> philox(std::array<Tensor, 4> counter, Tensor key0, Tensor key1) {
  using namespace torch_rbm::random;  // the constants of Philox
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const Tensor product0 = counter[0] * int64_t{kPhiloxMultiplier0};
    const Tensor product1 = counter[2] * int64_t{kPhiloxMultiplier1};
    counter = {high_word(product1).bitwise_xor(counter[1]).bitwise_xor(key0), low_word(product1),
               high_word(product0).bitwise_xor(counter[3]).bitwise_xor(key1), low_word(product0)};
    key0 = low_word(key0 + int64_t{kPhiloxWeyl0});
    key1 = low_word(key1 + int64_t{kPhiloxWeyl1});
  }
  return counter;
}

}  // namespace

Tensor uniform(const Tensor& key, int64_t rows, int64_t units, int64_t step, int64_t layer) {
  using random::kBlocksPerGroup;
  using random::kUnitsPerGroup;
  const int64_t groups = (units + kUnitsPerGroup - 1) / kUnitsPerGroup;
  const Tensor seed = key.select(0, 0);
  const Tensor total_step = key.select(0, 1) + step;
  const Tensor last_word =
      low_word(high_word(total_step).bitwise_left_shift(random::kLayerBits).bitwise_or(layer));
  const auto words =
      philox({at::arange(groups * kBlocksPerGroup, key.options()),
              at::arange(rows, key.options()).unsqueeze(1), low_word(total_step), last_word},
             low_word(seed), high_word(seed));
  std::array<Tensor, 4> by_group;
  for (size_t word = 0; word < words.size(); ++word) {
    by_group[word] = words[word]
                         .expand({rows, groups * kBlocksPerGroup})
                         .reshape({rows, groups, kBlocksPerGroup});
  }
  return at::stack(by_group, 2)
             .reshape({rows, groups * kUnitsPerGroup})
             .narrow(1, 0, units)
             .bitwise_right_shift(random::kUniformShift)
             .to(at::kFloat) *
         random::kUniformScale;
}

namespace {

Tensor uniform_kernel(const Tensor& key, int64_t rows, int64_t units, int64_t step, int64_t layer) {
  checks::uniform("uniform", key, rows, units, step, layer);
  return uniform(key, rows, units, step, layer);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("uniform", &uniform_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("uniform", &uniform_kernel);
}

}  // namespace torch_rbm::reference
