// The CPU kernels of every instruction set that this machine has: the same bits as those of the
// baseline, and as those that were written down here, whatever the compiler and the platform.
#include "cpu/kernels/instruction_sets.h"

#include <ATen/Version.h>

#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace torch_rbm::cpu {

namespace {

std::vector<std::pair<std::string, Kernels>> all_kernels() {
  std::vector<std::pair<std::string, Kernels>> all{{"baseline", baseline::make_kernels()}};
#if defined(TORCH_RBM_X86_KERNELS)
  const std::string capability = at::get_cpu_capability();
  if (capability == "AVX2" || capability == "AVX512") {
    all.emplace_back("avx2", avx2::make_kernels());
  }
  if (capability == "AVX512") {
    all.emplace_back("avx512", avx512::make_kernels());
  }
#endif
  return all;
}

// Zeros, aligned as kernels expect.
template <typename Value>
class Aligned {
 public:
  explicit Aligned(int64_t size)
      : size_(static_cast<size_t>(size)), memory_(new(std::align_val_t{64}) Value[size_]()) {}
  [[nodiscard]] Value* data() const { return memory_.get(); }
  Value& operator[](int64_t i) const { return memory_.get()[i]; }
  [[nodiscard]] uint64_t hash() const {  // FNV-1a (Fowler, Noll and Vo)
    uint64_t result = 1469598103934665603U;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(memory_.get());
    for (size_t i = 0; i < size_ * sizeof(Value); ++i) {
      result = (result ^ bytes[i]) * 1099511628211U;
    }
    return result;
  }
  bool operator==(const Aligned& other) const {
    return std::memcmp(data(), other.data(), size_ * sizeof(Value)) == 0;
  }

 private:
  struct Delete {
    void operator()(Value* values) const { ::operator delete[](values, std::align_val_t{64}); }
  };
  size_t size_;
  std::unique_ptr<Value[], Delete> memory_;
};

constexpr int64_t kInputs = 200;
constexpr int64_t kPadded = round_up(kInputs, kBlockUnits);
constexpr int64_t kRows = 70;
constexpr int64_t kUnits = 60;  // of a block of 64

// Everything from weights and states to samples and statistics.
template <typename Real>
struct Results {
  Aligned<Sum<Real>> by_rows{kRows * kBlockUnits};
  Aligned<Sum<Real>> by_tables{kRows * kBlockUnits};
  Aligned<Real> fields{kRows * kBlockUnits};
  Aligned<uint64_t> samples{kRows};
  Aligned<Real> means{kRows * kUnits};
  Aligned<Sum<Real>> statistics{kRows * kBlockUnits};
  Aligned<double> energies{kRows};
  Aligned<double> changes{kRows};

  explicit Results(const Kernels& kernels) {
    const RealKernels<Real>& real = kernels.real<Real>();
    std::mt19937_64 generator(1);  // the same on every platform, unlike the standard distributions
    const auto random = [&] { return static_cast<double>(generator() >> 11) / 9007199254740992.0; };
    const Aligned<Real> weight(kUnits * kInputs);
    const Aligned<Real> bias(kUnits);
    const Aligned<float> states(kRows * kInputs);
    for (int64_t i = 0; i < kUnits * kInputs; ++i) {
      weight[i] = static_cast<Real>(random() - 0.5);
    }
    for (int64_t i = 0; i < kUnits; ++i) {
      bias[i] = static_cast<Real>(4 * random() - 2);
    }
    for (int64_t i = 0; i < kRows * kInputs; ++i) {
      states[i] = random() < 0.3 ? 1.0F : 0.0F;
    }

    const Aligned<Sum<Real>> panels(kPanelsPerBlock * kPadded * kPanelUnits);
    const Aligned<Sum<Real>> bias_sums(kBlockUnits);
    const Aligned<Real> steps(kBlockUnits);
    for (int64_t first = 0; first < kUnits; first += kPanelUnits) {
      EXPECT_TRUE(real.pack_panel({weight.data() + first * kInputs, kInputs, 1},
                                  bias.data() + first, 1, std::min(kUnits - first, kPanelUnits),
                                  kInputs, kPadded, panels.data() + first * kPadded,
                                  bias_sums.data() + first, steps.data() + first));
    }
    const Aligned<uint64_t> words(kRows * kPadded / kBlockUnits);
    const BitRows bits{words.data(), kPadded / kBlockUnits, kRows, kInputs};
    EXPECT_TRUE(
        kernels.pack_states(states.data(), {4, 0, 0x3F800000, 0x80000000}, kInputs, 1, bits));
    std::vector<int64_t> starts(kRows + 1);
    kernels.count_active(bits, starts.data());
    std::vector<uint32_t> active(static_cast<size_t>(starts.back()));
    kernels.list_active(bits, starts.data(), active.data());

    const Panels<Sum<Real>> all{panels.data(), kPadded * kPanelUnits, kPanelsPerBlock};
    real.sum_rows(all, active.data(), starts.data(), kRows, bias_sums.data(), by_rows.data());
    real.sum_tables(all, bits, bias_sums.data(), by_tables.data());
    real.scale_sums(by_rows.data(), steps.data(), kPanelsPerBlock, kRows, fields.data());
    const Block<const Real> block{fields.data(), kRows};
    real.sample(block, kUnits, nullptr, nullptr, {123456789012345, 5, 1, 7, 0},
                {samples.data(), 1, kRows, kUnits});
    real.mean(block, kUnits, {means.data(), kUnits, 1});
    real.fixed_mean(block, Real(1) / (1 << 20), statistics.data(), kRows * kPanelUnits);
    real.softplus_sum(block, kUnits, energies.data(), 1);
    const std::vector<double> from(static_cast<size_t>(block.rows), 0.3);
    const std::vector<double> to(from.size(), 0.4);
    real.softplus_change(block, kUnits, from.data(), to.data(), changes.data(), 1);
  }
};

template <typename Real>
class KernelBits : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(KernelBits, Reals, );

TYPED_TEST(KernelBits, DoNotDependOnTheInstructionSetNorOnThePath) {
  const Results<TypeParam> expected(baseline::make_kernels());
  for (const auto& [name, kernels] : all_kernels()) {
    const Results<TypeParam> results(kernels);
    EXPECT_EQ(results.by_rows, expected.by_rows) << name;
    EXPECT_EQ(results.by_tables, expected.by_rows) << name;
    EXPECT_EQ(results.fields, expected.fields) << name;
    EXPECT_EQ(results.samples, expected.samples) << name;
    EXPECT_EQ(results.means, expected.means) << name;
    EXPECT_EQ(results.statistics, expected.statistics) << name;
    EXPECT_EQ(results.energies, expected.energies) << name;
    EXPECT_EQ(results.changes, expected.changes) << name;
  }
}

TEST(KernelBits, AreThoseOfEveryPlatform) {
  const Results<float> single(baseline::make_kernels());
  const Results<double> wide(baseline::make_kernels());
  EXPECT_EQ(single.fields.hash(), 0xb4a37670d2c3bcfdU);
  EXPECT_EQ(single.samples.hash(), 0x1f023014a16eb0a3U);
  EXPECT_EQ(single.means.hash(), 0xb99c3d14c63280dcU);
  EXPECT_EQ(wide.fields.hash(), 0xcae24d5540e0c3f7U);
  EXPECT_EQ(wide.samples.hash(), 0x1f023014a16eb0a3U);
  EXPECT_EQ(wide.means.hash(), 0x3b17281c4fbf56b1U);
}

}  // namespace
}  // namespace torch_rbm::cpu
