// moments on the CPU: those of an RBM of units with two states, by enumeration of its smaller
// layer.
#include "cpu/buffer.h"
#include "cpu/capability.h"
#include "cpu/enumeration.h"
#include "cpu/parallel.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <cmath>

namespace torch_rbm::cpu {

namespace {

using Moments = std::tuple<Tensor, Tensor, Tensor, Tensor>;

// Σ exp(-E) over all states, and what it is multiplied with, statistic by statistic, in units of
// exp(log_unit).
struct Sums {
  explicit Sums(const EnumeratedLayer& layer)
      : low(at::zeros({kLowStates}, at::kDouble)),
        high(at::zeros({layer.high_units}, at::kDouble)),
        low_pairs(at::zeros({layer.others, kLowStates}, at::kDouble)),
        high_pairs(at::zeros({layer.high_units, layer.others}, at::kDouble)) {}

  [[nodiscard]] MomentSums pointers() const {
    return {low.mutable_data_ptr<double>(), high.mutable_data_ptr<double>(),
            low_pairs.mutable_data_ptr<double>(), high_pairs.mutable_data_ptr<double>()};
  }

  void add(const Sums& other) {
    const double unit = std::max(log_unit, other.log_unit);
    const double scale = std::exp(log_unit - unit);
    const double other_scale = std::exp(other.log_unit - unit);
    const auto merge = [&](Tensor& sum, const Tensor& term) {
      sum = sum * scale + term * other_scale;
    };
    merge(low, other.low);
    merge(high, other.high);
    merge(low_pairs, other.low_pairs);
    merge(high_pairs, other.high_pairs);
    log_unit = unit;
  }

  double log_unit = 0;
  Tensor low;         // [low states]
  Tensor high;        // [high units]
  Tensor low_pairs;   // [others, low states]
  Tensor high_pairs;  // [high units, others]
};

// Pieces, of which there are few, added up in order: the result does not depend on the threads.
Sums sum_states(const Enumeration& enumeration) {
  constexpr int64_t kPieces = 64;
  constexpr int64_t kLeastStates = 16;
  constexpr double kTimes = 3;  // as much as the kernel that only adds up
  const EnumeratedLayer& layer = enumeration.layer();
  const int64_t states = enumeration.high_states();
  const int64_t size = std::max(parts(states, kPieces), kLeastStates);
  const int64_t pieces = parts(states, size);
  std::vector<Sums> sums;
  sums.reserve(static_cast<size_t>(pieces));
  for (int64_t piece = 0; piece < pieces; ++piece) {
    sums.emplace_back(layer);
  }
  run_tasks(pieces, kTimes * enumeration.cost() * static_cast<double>(states), [&](int64_t piece) {
    const Buffer<double> scratch(2 * layer.others);
    Sums& sum = sums[static_cast<size_t>(piece)];
    sum.log_unit = kernels().sum_moments(layer, piece * size, std::min((piece + 1) * size, states),
                                         scratch.data(), sum.pointers());
  });
  Sums total = std::move(sums.front());
  for (size_t piece = 1; piece < sums.size(); ++piece) {
    total.add(sums[piece]);
  }
  return total;
}

Moments enumerated(const Enumeration& enumeration) {
  const Sums sums = sum_states(enumeration);
  const Tensor low_states = Enumeration::low_states();
  const Tensor total = sums.low.sum();
  const auto units = [&](const Tensor& low, const Tensor& high) {
    return at::cat({low, high}).narrow(0, 0, enumeration.units()) / total;
  };
  const Tensor mean = units(low_states.t().matmul(sums.low), sums.high);
  const Tensor pairs = units(low_states.t().matmul(sums.low_pairs.t()), sums.high_pairs);
  const Tensor other_mean = sums.low_pairs.sum(1) / total;
  const Tensor log_z = total.log() + (sums.log_unit + enumeration.log_z_offset());
  const BinaryModel& binary = enumeration.binary();
  const auto [weight, visible, hidden] =
      enumeration.hidden() ? binary.renamed({pairs, other_mean, mean}, 1)
                           : binary.renamed({pairs.t().contiguous(), mean, other_mean}, 1);
  return {log_z, weight, visible, hidden};
}

Moments moments(const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                std::string_view visible_units, std::string_view hidden_units,
                const std::optional<Tensor>& visible_precision,
                const std::optional<Tensor>& hidden_precision) {
  constexpr auto kOp = "moments";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::log_partition(kOp, arguments);
  const reference::Model model(arguments);
  if (const auto enumeration = Enumeration::of(kOp, model)) {
    return enumerated(*enumeration);
  }
  return reference::moments(kOp, model);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("moments", &moments);
}

}  // namespace torch_rbm::cpu
