// The uniform stream: CPU kernel, ATen formula and the definition in philox.h agree bit for bit.
#include "random/philox.h"
#include "reference/formulas.h"
#include <torch_rbm/ops.h>

#include <ATen/ATen.h>

#include <gtest/gtest.h>
#include <limits>

namespace torch_rbm {
namespace {

struct Case {
  int64_t seed;
  int64_t offset;
  int64_t rows;
  int64_t units;
  int64_t step;
  int64_t layer;
};

const std::vector<Case> kCases = {
    {0, 0, 1, 64, 0, 0},
    {1, 2, 3, 1, 4, 1},
    {-1, std::numeric_limits<int64_t>::max(), 5, 130, 3, 255},
    {0x299f31d0a4093822, -7, 33, 500, int64_t{1} << 33, 1},
    {42, 0, 0, 10, 0, 0},
    {42, 0, 10, 0, 0, 0},
};

float defined(const Case& c, int64_t row, int64_t unit) {
  const auto seed = static_cast<uint64_t>(c.seed);
  const auto position = random::philox_position(unit);
  const auto block = random::philox(
      random::philox_counter(static_cast<uint64_t>(position.block), static_cast<uint64_t>(row),
                             static_cast<uint64_t>(c.step) + static_cast<uint64_t>(c.offset),
                             static_cast<uint32_t>(c.layer)),
      static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
  return random::philox_uniform(block.words[position.word]);
}

TEST(Uniform, KernelFormulaAndDefinitionAgree) {
  for (const Case& c : kCases) {
    const Tensor key = at::tensor({c.seed, c.offset}, at::kLong);
    const Tensor kernel = uniform(key, c.rows, c.units, c.step, c.layer);
    const Tensor formula = reference::uniform(key, c.rows, c.units, c.step, c.layer);
    ASSERT_EQ(kernel.sizes(), (at::IntArrayRef{c.rows, c.units}));
    EXPECT_TRUE(kernel.equal(formula));
    for (int64_t row = 0; row < c.rows; ++row) {
      for (int64_t unit = 0; unit < c.units; ++unit) {
        ASSERT_EQ(kernel[row][unit].item<float>(), defined(c, row, unit));
      }
    }
  }
}

TEST(Uniform, TheOffsetOfTheKeyAddsToTheStep) {
  const Tensor shifted = uniform(at::tensor({9, 5}, at::kLong), 4, 70, 2, 1);
  EXPECT_TRUE(shifted.equal(uniform(at::tensor({9, 0}, at::kLong), 4, 70, 7, 1)));
}

}  // namespace
}  // namespace torch_rbm
