// Products of binary states with weights, as sums of rows of the weights.
#include "cpu/kernels/table.h"
#include "cpu/kernels/vector.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

// Sums of all subsets of the weights of a few units, the groups of a word: as many as leave the
// tables of a word in the first-level cache.
template <typename Value>
struct Tables {
  static constexpr int64_t kGroupUnits = sizeof(Value) == 4 ? 5 : 4;
  static constexpr int64_t kPatterns = int64_t{1} << kGroupUnits;
  static constexpr int64_t kWholeGroups = kBlockUnits / kGroupUnits;
  static constexpr int64_t kRestUnits = kBlockUnits % kGroupUnits;
  static constexpr int64_t kGroups = kWholeGroups + (kRestUnits > 0 ? 1 : 0);
  static constexpr int64_t kGroupValues = kPatterns * kPanelUnits;

  alignas(kPanelUnits * sizeof(Value)) Value values[kGroups * kGroupValues];

  // From the weights of 64 units.
  void build(const Value* rows) {
    for (int64_t group = 0; group < kWholeGroups; ++group) {
      build_group<kGroupUnits>(rows, group);
    }
    if constexpr (kRestUnits > 0) {
      build_group<kRestUnits>(rows, kWholeGroups);
    }
  }

  [[nodiscard]] Lanes<Value> entry(uint64_t word, int64_t group) const {
    const auto pattern = static_cast<int64_t>(word >> (group * kGroupUnits)) & (kPatterns - 1);
    return Lanes<Value>::load(values + group * kGroupValues + pattern * kPanelUnits);
  }

 private:
  template <int64_t kUnits>
  void build_group(const Value* rows, int64_t group) {
    using Row = Lanes<Value>;
    Row entries[1 << kUnits] = {};
#pragma GCC unroll 5
    for (int64_t unit = 0; unit < kUnits; ++unit) {
      const Row added = Row::load(rows + (group * kGroupUnits + unit) * kPanelUnits);
#pragma GCC unroll 16
      for (int64_t pattern = 0; pattern < (1 << unit); ++pattern) {
        entries[pattern + (1 << unit)] = entries[pattern] + added;
      }
    }
#pragma GCC unroll 32
    for (int64_t pattern = 0; pattern < (1 << kUnits); ++pattern) {
      entries[pattern].store(values + group * kGroupValues + pattern * kPanelUnits);
    }
  }
};

// Weights that panels side by side may take.
constexpr int64_t kSideBySideBytes = int64_t{128} << 10;

// The first `kCount` panels side by side: fewer passes over the lists, but more weights in use.
template <int64_t kCount, typename Value>
void sum_rows_of(Panels<Value> panels, const uint32_t* active, const int64_t* starts, int64_t rows,
                 const Value* initial, Value* sums) {
  using Row = Lanes<Value>;
  for (int64_t row = 0; row < rows; ++row) {
    Row sum[kCount];
#pragma GCC unroll 4
    for (int64_t panel = 0; panel < kCount; ++panel) {
      sum[panel] = Row::load(initial + panel * kPanelUnits);
    }
    for (int64_t i = starts[row]; i < starts[row + 1]; ++i) {
      const Value* const values = panels.values + int64_t{active[i]} * kPanelUnits;
#pragma GCC unroll 4
      for (int64_t panel = 0; panel < kCount; ++panel) {
        sum[panel] += Row::load(values + panel * panels.stride);
      }
    }
#pragma GCC unroll 4
    for (int64_t panel = 0; panel < kCount; ++panel) {
      sum[panel].store(sums + (panel * rows + row) * kPanelUnits);
    }
  }
}

template <typename Value>
void sum_rows(Panels<Value> panels, const uint32_t* active, const int64_t* starts, int64_t rows,
              const Value* initial, Value* sums) {
  const auto panel_bytes = panels.stride * static_cast<int64_t>(sizeof(Value));
  const auto skip = [&](int64_t count) {
    panels = {panels.panel(count), panels.stride, panels.count - count};
    initial += count * kPanelUnits;
    sums += count * rows * kPanelUnits;
  };
  while (panels.count >= 4 && 4 * panel_bytes <= kSideBySideBytes) {
    sum_rows_of<4>(panels, active, starts, rows, initial, sums);
    skip(4);
  }
  while (panels.count >= 2 && 2 * panel_bytes <= kSideBySideBytes) {
    sum_rows_of<2>(panels, active, starts, rows, initial, sums);
    skip(2);
  }
  while (panels.count > 0) {
    sum_rows_of<1>(panels, active, starts, rows, initial, sums);
    skip(1);
  }
}

template <typename Value>
void sum_tables_of(const Value* panel, BitRows states, const Value* initial, Value* sums) {
  using Row = Lanes<Value>;
  const Row start = Row::load(initial);
  for (int64_t row = 0; row < states.rows; ++row) {
    start.store(sums + row * kPanelUnits);
  }
  Tables<Value> tables;
  const int64_t words = parts(states.units, kBlockUnits);
  for (int64_t word = 0; word < words; ++word) {
    tables.build(panel + word * kBlockUnits * kPanelUnits);
    for (int64_t row = 0; row < states.rows; ++row) {
      const uint64_t bits = states.words[row * states.stride + word];
      if (bits == 0) {
        continue;
      }
      // Two sums, so that one addition need not wait for the other.
      Row even = Row::load(sums + row * kPanelUnits);
      Row odd = tables.entry(bits, 0);
#pragma GCC unroll 16
      for (int64_t group = 2; group < Tables<Value>::kGroups; group += 2) {
        even += tables.entry(bits, group - 1);
        odd += tables.entry(bits, group);
      }
      if constexpr (Tables<Value>::kGroups % 2 == 0) {
        even += tables.entry(bits, Tables<Value>::kGroups - 1);
      }
      (even + odd).store(sums + row * kPanelUnits);
    }
  }
}

template <typename Value>
void sum_tables(Panels<Value> panels, BitRows states, const Value* initial, Value* sums) {
  for (int64_t panel = 0; panel < panels.count; ++panel) {
    sum_tables_of(panels.panel(panel), states, initial + panel * kPanelUnits,
                  sums + panel * states.rows * kPanelUnits);
  }
}

template <typename Value>
void sum_all_rows(Panels<Value> panels, int64_t rows, Value* total) {
  for (int64_t panel = 0; panel < panels.count; ++panel) {
    Lanes<Value> sum{};
    for (int64_t row = 0; row < rows; ++row) {
      sum += Lanes<Value>::load(panels.panel(panel) + row * kPanelUnits);
    }
    sum.store(total + panel * kPanelUnits);
  }
}

}  // namespace

template <typename Real>
void add_sums_kernels(RealKernels<Real>& kernels) {
  kernels.sum_rows = &sum_rows<Sum<Real>>;
  kernels.sum_tables = &sum_tables<Sum<Real>>;
  kernels.sum_all_rows = &sum_all_rows<Sum<Real>>;
}
template void add_sums_kernels(RealKernels<float>&);
template void add_sums_kernels(RealKernels<double>&);

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
