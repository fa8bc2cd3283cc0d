// Gradients from binary visible states: for each visible unit, the sum of the hidden statistics of
// the rows in which it is active. The same product as that of states with weights, with the states
// transposed and the statistics in place of the weights.
#include "cpu/gradient.h"

#include <ATen/ops/clone.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include <bit>
#include <vector>

namespace torch_rbm::cpu {

template <typename Real>
HiddenStatistics<Real>::HiddenStatistics(int64_t rows, int64_t hidden)
    : rows_(rows), panels_(round_up(hidden, kBlockUnits) * round_up(rows, kBlockUnits)) {
  constexpr int kSumBits = 8 * static_cast<int>(sizeof(Sum<Real>)) - 2;
  const auto row_bits =
      static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(rows - 1, 0))));
  step_ = 1 / static_cast<Real>(Sum<Real>{1} << (kSumBits - row_bits));
}

template <typename Real>
void HiddenStatistics<Real>::operator()(Block<const Real> fields, int64_t block,
                                        int64_t first_row) const {
  kernels().real<Real>().fixed_mean(fields, step_, block_values(block) + first_row * kPanelUnits,
                                    panel_stride());
}

template <typename Real>
void HiddenStatistics<Real>::set(const States& samples) const {
  const double work = units_cost(samples.rows(), samples.units());
  run_tasks(samples.words(), work, [&](int64_t block) {
    kernels().real<Real>().fixed_states(samples.bits(), block, step_, block_values(block),
                                        panel_stride());
  });
}

namespace {

PhaseMeans no_means(const reference::Model& parameters) {
  return {at::zeros_like(parameters.visible_bias), at::zeros_like(parameters.hidden_bias)};
}

template <typename Real>
Real weight_of(Sign sign, Real share) {
  return sign == Sign::positive ? -share : share;
}

// In the strides of the first.
Tensor difference(const Tensor& minuend, const Tensor& subtrahend) {
  return minuend.clone().sub_(subtrahend);
}

}  // namespace

template <typename Real>
Gradient<Real>::Gradient(const reference::Model& parameters)
    : weight_(at::empty_like(parameters.weight)),
      positive_(no_means(parameters)),
      negative_(no_means(parameters)) {}

template <typename Real>
Tensor Gradient<Real>::visible_bias() const {
  return difference(negative_.visible, positive_.visible);
}

template <typename Real>
Tensor Gradient<Real>::hidden_bias() const {
  return difference(negative_.hidden, positive_.hidden);
}

template <typename Real>
void Gradient<Real>::add(std::span<const Phase<Real>> phases) {
  if (phases.empty()) {
    return;
  }
  constexpr int64_t kTileUnits = 64;
  const RealKernels<Real>& real = kernels().real<Real>();
  const int64_t hidden = weight_.size(0);
  const int64_t visible = weight_.size(1);
  const Matrix<Real> gradient{weight_.mutable_data_ptr<Real>(), weight_.stride(0),
                              weight_.stride(1)};
  std::vector<States> by_unit;
  double work = 0;
  for (const Phase<Real>& phase : phases) {
    States& states = by_unit.emplace_back(phase.visible.transposed());
    states.prepare();
    work += product_cost(states.path(), states.active_count(), visible, states.words(), hidden);
    auto* const means_of_phase = means(phase.sign).visible.template mutable_data_ptr<Real>();
    for (int64_t unit = 0; unit < visible; ++unit) {
      const int64_t count = states.starts()[unit + 1] - states.starts()[unit];
      means_of_phase[unit] += phase.share * static_cast<Real>(count);
    }
  }

  const int64_t tiles = parts(visible, kTileUnits);
  const int64_t blocks = parts(hidden, kBlockUnits);
  run_tasks(blocks * tiles, work, [&](int64_t task) {
    const int64_t first_unit = task % tiles * kTileUnits;
    const int64_t units = std::min(kTileUnits, visible - first_unit);
    const int64_t first_hidden = task / tiles * kBlockUnits;
    const int64_t hidden_units = std::min(kBlockUnits, hidden - first_hidden);
    const int64_t panels = parts(hidden_units, kPanelUnits);
    alignas(64) static constexpr Sum<Real> kZero[kBlockUnits] = {};
    alignas(64) Sum<Real> sums[kTileUnits * kBlockUnits];
    alignas(64) Real values[kTileUnits * kBlockUnits];
    for (size_t i = 0; i < phases.size(); ++i) {
      const Phase<Real>& phase = phases[i];
      const Panels<Sum<Real>> statistics = phase.hidden.panels(first_hidden / kPanelUnits, panels);
      sum_panels<Real>(by_unit[i], first_unit, units, statistics, kZero, sums);
      const Real factor = weight_of(phase.sign, phase.share) * phase.hidden.step();
      real.add_sums(sums, panels * units, factor, /*assign=*/i == 0, values);
      if (first_unit == 0) {
        alignas(64) Sum<Real> total[kBlockUnits];
        real.sum_all_rows(statistics, phase.hidden.rows(), total);
        auto* const means_of_phase = means(phase.sign).hidden.template mutable_data_ptr<Real>();
        for (int64_t unit = 0; unit < hidden_units; ++unit) {
          means_of_phase[first_hidden + unit] +=
              phase.share * phase.hidden.step() * static_cast<Real>(total[unit]);
        }
      }
    }
    real.store_transposed(
        values, units, hidden_units,
        {gradient.at(first_hidden, first_unit), gradient.row_stride, gradient.column_stride},
        /*add=*/!empty_);
  });
  empty_ = false;
}

template <typename Real>
void Gradient<Real>::add(const Tensor& visible, const Tensor& hidden, Sign sign, Real share) {
  if (empty_) {
    weight_.zero_();
  }
  weight_.addmm_(hidden.t(), visible, /*beta=*/1, /*alpha=*/weight_of(sign, share));
  means(sign).visible.add_(visible.sum(0), share);
  means(sign).hidden.add_(hidden.sum(0), share);
  empty_ = false;
}

template class HiddenStatistics<float>;
template class HiddenStatistics<double>;
template class Gradient<float>;
template class Gradient<double>;

}  // namespace torch_rbm::cpu
