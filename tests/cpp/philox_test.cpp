// Philox4x32-10 against the known answers of its authors, and the layout of the counter.
#include "random/philox.h"

#include <array>
#include <gtest/gtest.h>
#include <set>
#include <utility>
#include <vector>

namespace torch_rbm::random {
namespace {

struct KnownAnswer {
  PhiloxBlock counter;
  uint32_t key0;
  uint32_t key1;
  PhiloxBlock words;
};

// The vectors "philox4x32 10" of the kat_vectors file of Random123 (Salmon et al. 2011).
constexpr std::array<KnownAnswer, 3> kKnownAnswers = {{
    {{{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
    {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
     0xffffffff,
     0xffffffff,
     {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
    {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
     0xa4093822,
     0x299f31d0,
     {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
}};

TEST(Philox, KnownAnswers) {
  for (const KnownAnswer& known : kKnownAnswers) {
    const PhiloxBlock block = philox(known.counter, known.key0, known.key1);
    for (int word = 0; word < 4; ++word) {
      EXPECT_EQ(block.words[word], known.words.words[word]);
    }
  }
}

TEST(Philox, EveryUnitOfARowHasItsOwnWord) {
  std::set<std::pair<int64_t, int64_t>> positions;
  constexpr int64_t kUnits = 1000;
  for (int64_t unit = 0; unit < kUnits; ++unit) {
    const PhiloxPosition position = philox_position(unit);
    EXPECT_GE(position.word, 0);
    EXPECT_LT(position.word, 4);
    positions.emplace(position.block, position.word);
  }
  EXPECT_EQ(positions.size(), kUnits);
}

TEST(Philox, CounterTellsStepsLayersAndRowsApart) {
  const auto counter = [](uint64_t block, uint64_t row, uint64_t step, uint32_t layer) {
    const PhiloxBlock words = philox_counter(block, row, step, layer);
    return std::vector<uint32_t>(words.words, words.words + 4);
  };
  constexpr uint64_t kFarStep = uint64_t{1} << 40;
  const std::set<std::vector<uint32_t>> distinct = {
      counter(0, 0, 0, 0), counter(1, 0, 0, 0), counter(0, 1, 0, 0),
      counter(0, 0, 1, 0), counter(0, 0, 0, 1), counter(0, 0, kFarStep, 0)};
  EXPECT_EQ(distinct.size(), 6U);
}

TEST(Philox, UniformIsBelowOne) {
  EXPECT_EQ(philox_uniform(0), 0.0F);
  EXPECT_LT(philox_uniform(0xffffffff), 1.0F);
}

}  // namespace
}  // namespace torch_rbm::random
