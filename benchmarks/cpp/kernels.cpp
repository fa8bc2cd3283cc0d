// What each kernel costs on one thread, by instruction set (ATEN_CPU_CAPABILITY chooses): the
// figures from which csrc/cpu/kernels/table.cpp takes its costs, and where to look for speed.
#include "cpu/buffer.h"
#include "cpu/capability.h"

#include <ATen/Version.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

namespace torch_rbm::cpu {

namespace {

// Nanoseconds of a call: the least of many, as whatever disturbs one only makes it longer.
template <typename Run>
double nanoseconds(const Run& run) {
  using Clock = std::chrono::steady_clock;
  double least = 1e18;
  const auto end = Clock::now() + std::chrono::milliseconds(100);
  while (Clock::now() < end) {
    const auto started = Clock::now();
    run();
    const std::chrono::duration<double, std::nano> taken = Clock::now() - started;
    least = std::min(least, taken.count());
  }
  return least;
}

void print(const char* what, double cost, const char* unit) {
  fmt::print("{:52} {:8.2f} ns / {}\n", what, cost, unit);
}

struct Shape {
  const char* name;
  int64_t rows;
  int64_t inputs;
  double density;
};

// States with a share of active units, and the lists of them.
struct Listed {
  Buffer<uint64_t> words;
  BitRows bits;
  std::vector<int64_t> starts;
  std::vector<uint32_t> active;

  explicit Listed(const Shape& shape)
      : words(shape.rows * parts(shape.inputs, kBlockUnits)),
        bits{words.data(), parts(shape.inputs, kBlockUnits), shape.rows, shape.inputs},
        starts(static_cast<size_t>(shape.rows) + 1) {
    std::mt19937 generator(0);
    std::bernoulli_distribution is_active(shape.density);
    std::fill_n(bits.words, bits.stride * bits.rows, 0);
    for (int64_t row = 0; row < shape.rows; ++row) {
      for (int64_t unit = 0; unit < shape.inputs; ++unit) {
        bits.words[row * bits.stride + unit / kBlockUnits] |= uint64_t{is_active(generator)}
                                                              << (unit % kBlockUnits);
      }
    }
    kernels().count_active(bits, starts.data());
    active.resize(static_cast<size_t>(starts.back()));
    kernels().list_active(bits, starts.data(), active.data());
  }
};

template <typename Real>
void time_sums(const Shape& shape) {
  const Listed listed(shape);
  const int64_t padded = round_up(shape.inputs, kBlockUnits);
  const Buffer<Sum<Real>> weights(kPanelsPerBlock * padded * kPanelUnits);
  std::fill_n(weights.data(), kPanelsPerBlock * padded * kPanelUnits, 1);
  const Buffer<Sum<Real>> sums(shape.rows * kBlockUnits);
  alignas(64) constexpr Sum<Real> kZero[kBlockUnits] = {};
  const Panels<Sum<Real>> panels{weights.data(), padded * kPanelUnits, kPanelsPerBlock};
  const auto& real = kernels().real<Real>();
  const auto active = static_cast<double>(listed.active.size());
  const auto words = static_cast<double>(shape.rows * listed.bits.stride);
  const double by_rows = nanoseconds([&] {
    real.sum_rows(panels, listed.active.data(), listed.starts.data(), shape.rows, kZero,
                  sums.data());
  });
  const double by_tables =
      nanoseconds([&] { real.sum_tables(panels, listed.bits, kZero, sums.data()); });
  fmt::print("{} rows of {} inputs, {:.0f} % active, {} bits ({})\n", shape.rows, shape.inputs,
             100 * shape.density, 8 * sizeof(Real), shape.name);
  print("  sum_rows", by_rows / active / kPanelsPerBlock, "active unit and panel");
  print("  sum_tables", by_tables / words / kPanelsPerBlock, "word and panel, tables included");
}

template <typename Real>
void time_tables() {
  const auto cost = [](int64_t rows) {
    const Listed listed({"", rows, kBlockUnits, 0.5});
    const Buffer<Sum<Real>> weights(kBlockUnits * kPanelUnits);
    std::fill_n(weights.data(), kBlockUnits * kPanelUnits, 1);
    const Buffer<Sum<Real>> sums(rows * kPanelUnits);
    alignas(64) constexpr Sum<Real> kZero[kPanelUnits] = {};
    return nanoseconds([&] {
      kernels().real<Real>().sum_tables({weights.data(), 0, 1}, listed.bits, kZero, sums.data());
    });
  };
  const double word = (cost(256) - cost(64)) / 192;
  print("sum_tables: a word", word, "panel");
  print("sum_tables: tables of 64 units", cost(64) - 64 * word, "panel");
}

template <typename Real>
void time_units() {
  constexpr int64_t kRows = 128;
  const Buffer<Real> values(kRows * kBlockUnits);
  const Buffer<Real> means(kRows * kBlockUnits);
  const Buffer<Sum<Real>> integers(kRows * kBlockUnits);
  std::mt19937 generator(0);
  std::normal_distribution<Real> normal(0, 3);
  std::generate_n(values.data(), kRows * kBlockUnits, [&] { return normal(generator); });
  const Block<const Real> fields{values.data(), kRows};
  const Buffer<uint64_t> words(kRows);
  const BitRows states{words.data(), 1, kRows, kBlockUnits};
  const Buffer<float> uniforms(kRows * kBlockUnits);
  const Buffer<double> totals(kRows);
  const std::vector<double> from(kRows, 0.5);
  const std::vector<double> to(kRows, 0.6);
  const auto& real = kernels().real<Real>();
  constexpr double kUnits = kRows * kBlockUnits;
  const auto each = [&](const char* what, const auto& run) {
    print(what, nanoseconds(run) / kUnits, "unit");
  };
  fmt::print("Units of {} bits\n", 8 * sizeof(Real));
  each("  uniform", [&] { kernels().uniform({}, kRows, kBlockUnits, uniforms.data()); });
  each("  sample", [&] { real.sample(fields, kBlockUnits, nullptr, nullptr, {}, states); });
  each("  mean", [&] { real.mean(fields, kBlockUnits, {means.data(), kBlockUnits, 1}); });
  each("  fixed_mean",
       [&] { real.fixed_mean(fields, Real(1e-6), integers.data(), kRows * kPanelUnits); });
  each("  softplus_sum", [&] { real.softplus_sum(fields, kBlockUnits, totals.data(), 1); });
  each("  softplus_change", [&] {
    real.softplus_change(fields, kBlockUnits, from.data(), to.data(), totals.data(), 1);
  });
}

template <typename Real>
void time_weights() {
  constexpr int64_t kInputs = 784;
  constexpr int64_t kPadded = round_up(kInputs, kBlockUnits);
  const Buffer<Real> weight(kInputs * kPanelUnits);
  std::mt19937 generator(0);
  std::normal_distribution<Real> normal(0, Real(0.1));
  std::generate_n(weight.data(), kInputs * kPanelUnits, [&] { return normal(generator); });
  const Buffer<Sum<Real>> panel(kPadded * kPanelUnits);
  alignas(64) Sum<Real> bias_sum[kPanelUnits];
  alignas(64) Real step[kPanelUnits];
  const Real bias[kPanelUnits] = {};
  const auto pack = [&](Matrix<const Real> matrix) {
    return nanoseconds([&] {
             if (!kernels().real<Real>().pack_panel(matrix, bias, 1, kPanelUnits, kInputs, kPadded,
                                                    panel.data(), bias_sum, step)) {
               fmt::print("not packed\n");
             }
           }) /
           static_cast<double>(kInputs * kPanelUnits);
  };
  fmt::print("Weights of {} bits\n", 8 * sizeof(Real));
  print("  pack_panel, inputs side by side", pack({weight.data(), kInputs, 1}), "weight");
  print("  pack_panel, units side by side", pack({weight.data(), 1, kPanelUnits}), "weight");
  const Buffer<Real> gradient(kBlockUnits * kBlockUnits);
  const Buffer<Sum<Real>> sums(kBlockUnits * kBlockUnits);
  std::fill_n(sums.data(), kBlockUnits * kBlockUnits, 1);
  const Buffer<Real> scaled(kBlockUnits * kBlockUnits);
  const auto& real = kernels().real<Real>();
  constexpr double kWeights = kBlockUnits * kBlockUnits;
  print("  add_sums", nanoseconds([&] {
                        real.add_sums(sums.data(), kBlockUnits * kPanelsPerBlock, Real(1e-6), true,
                                      scaled.data());
                      }) / kWeights,
        "weight");
  print("  store_transposed", nanoseconds([&] {
                                real.store_transposed(scaled.data(), kBlockUnits, kBlockUnits,
                                                      {gradient.data(), kBlockUnits, 1}, false);
                              }) / kWeights,
        "weight");
}

template <typename Real>
void time_kernels() {
  for (const Shape& shape :
       {Shape{"visible to hidden", 128, 784, 0.13}, Shape{"hidden to visible", 128, 500, 0.4},
        Shape{"gradient", 784, 128, 0.13}}) {
    time_sums<Real>(shape);
  }
  time_tables<Real>();
  time_units<Real>();
  time_weights<Real>();
}

}  // namespace

}  // namespace torch_rbm::cpu

int main() {
  fmt::print("{}\n", at::get_cpu_capability());
  torch_rbm::cpu::time_kernels<float>();
  torch_rbm::cpu::time_kernels<double>();
}
