// Fields of one layer given the states of the other: bias + weights times states.
#pragma once

#include "cpu/buffer.h"
#include "cpu/capability.h"
#include "cpu/cost.h"
#include "cpu/parallel.h"
#include "cpu/states.h"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>

namespace torch_rbm::cpu {

/// The parameters of one direction: [outputs, inputs] and [outputs].
struct Direction {
  at::Tensor weight;
  at::Tensor bias;

  [[nodiscard]] at::ScalarType dtype() const { return weight.scalar_type(); }
  [[nodiscard]] Direction to(at::ScalarType dtype) const {
    return {weight.to(dtype), bias.to(dtype)};
  }
};

/// The parameters of one direction, packed for the kernels.
template <typename Real>
class Product {
 public:
  /// Of dtype Real, in any memory order.
  explicit Product(const Direction& direction);

  [[nodiscard]] int64_t outputs() const { return outputs_; }
  /// False where numbers are not finite or, for Real, of too different sizes; the fields are then
  /// undefined.
  [[nodiscard]] bool accurate() const { return accurate_; }

  /// Calls visit(fields, block, first_row) for blocks of 64 outputs and some rows, in parallel:
  /// fields is Block<const Real>. `states` must be prepared.
  template <typename Visit>
  void for_each_block(const States& states, const Visit& visit) const;
  /// The same for fields that were computed elsewhere, [rows, outputs].
  template <typename Visit>
  void for_each_block(const at::Tensor& fields, const Visit& visit) const;

 private:
  static constexpr int64_t kTileRows = 256;

  [[nodiscard]] int64_t blocks() const { return parts(outputs_, kBlockUnits); }
  /// Calls compute(fields, block, first_row), which fills a block, then visit.
  template <typename Compute, typename Visit>
  void for_each_tile(int64_t rows, double work, const Compute& compute, const Visit& visit) const;

  int64_t outputs_;
  int64_t inputs_;
  int64_t padded_inputs_;
  Buffer<Sum<Real>> panels_;  // [panels][padded inputs][16]
  Buffer<Sum<Real>> bias_;    // [panels][16], as the next
  Buffer<Real> step_;
  bool accurate_ = false;
};

/// The sums of kernels.h for the rows of `states` from `first_row` on, by the path that they chose.
template <typename Real>
void sum_panels(const States& states, int64_t first_row, int64_t rows, Panels<Sum<Real>> panels,
                const Sum<Real>* initial, Sum<Real>* sums) {
  const RealKernels<Real>& real = kernels().real<Real>();
  if (states.path() == Path::rows) {
    real.sum_rows(panels, states.active(), states.starts() + first_row, rows, initial, sums);
  } else {
    real.sum_tables(panels, states.bits().from(first_row, first_row + rows), initial, sums);
  }
}

/// Rows of a tile: few enough for the caches, many enough to share its tables, but with work for
/// every thread.
[[nodiscard]] inline int64_t tile_rows(int64_t rows, int64_t blocks, int64_t most) {
  constexpr int64_t kLeast = 32;
  int64_t tile = most;
  while (tile > kLeast && blocks * parts(rows, tile) < int64_t{2} * at::get_num_threads()) {
    tile /= 2;
  }
  return tile;
}

template <typename Real>
Product<Real>::Product(const Direction& direction)
    : outputs_(direction.weight.size(0)),
      inputs_(direction.weight.size(1)),
      padded_inputs_(round_up(inputs_, kBlockUnits)),
      panels_(blocks() * kPanelsPerBlock * padded_inputs_ * kPanelUnits),
      bias_(blocks() * kBlockUnits),
      step_(blocks() * kBlockUnits) {
  const at::Tensor& weight = direction.weight;
  const int64_t bias_stride = direction.bias.stride(0);
  constexpr double kPackWeight = 0.5;  // nanoseconds
  const double work = kPackWeight * static_cast<double>(weight.numel());
  const Matrix<const Real> matrix{weight.const_data_ptr<Real>(), weight.stride(0),
                                  weight.stride(1)};
  const Real* const biases = direction.bias.const_data_ptr<Real>();
  const RealKernels<Real>& real = kernels().real<Real>();
  std::atomic<bool> accurate{true};
  run_tasks(parts(outputs_, kPanelUnits), work, [&](int64_t panel) {
    const int64_t first = panel * kPanelUnits;
    const int64_t units = std::min(outputs_ - first, kPanelUnits);
    const Matrix<const Real> part{matrix.at(first, 0), matrix.row_stride, matrix.column_stride};
    if (!real.pack_panel(part, biases + first * bias_stride, bias_stride, units, inputs_,
                         padded_inputs_, panels_.data() + first * padded_inputs_,
                         bias_.data() + first, step_.data() + first)) {
      accurate = false;
    }
  });
  accurate_ = accurate;
}

template <typename Real>
template <typename Compute, typename Visit>
void Product<Real>::for_each_tile(int64_t rows, double work, const Compute& compute,
                                  const Visit& visit) const {
  const int64_t tile = tile_rows(rows, blocks(), kTileRows);
  const int64_t tiles = parts(rows, tile);
  run_tasks(blocks() * tiles, work, [&](int64_t task) {
    const int64_t block = task / tiles;
    const int64_t first_row = task % tiles * tile;
    alignas(64) std::byte memory[static_cast<size_t>(kTileRows * kBlockUnits) * sizeof(Real)];
    const Block<Real> computed{reinterpret_cast<Real*>(memory), std::min(tile, rows - first_row)};
    compute(computed, block, first_row);
    visit(Block<const Real>{computed.values, computed.rows}, block, first_row);
  });
}

template <typename Real>
template <typename Visit>
void Product<Real>::for_each_block(const States& states, const Visit& visit) const {
  const RealKernels<Real>& real = kernels().real<Real>();
  const double work =
      product_cost(states.path(), states.active_count(), states.rows(), states.words(), outputs_) +
      units_cost(states.rows(), outputs_);
  const auto compute = [&](Block<Real> fields, int64_t block, int64_t first_row) {
    const int64_t first = block * kBlockUnits;
    const int64_t panels = std::min(kPanelsPerBlock, parts(outputs_ - first, kPanelUnits));
    const Panels<Sum<Real>> weights{panels_.data() + first * padded_inputs_,
                                    padded_inputs_ * kPanelUnits, panels};
    // In place: the fields take as many bytes as the sums that they are made of.
    auto* const sums = reinterpret_cast<Sum<Real>*>(fields.values);
    sum_panels<Real>(states, first_row, fields.rows, weights, bias_.data() + first, sums);
    real.scale_sums(sums, step_.data() + first, panels, fields.rows, fields.values);
    std::fill(fields.panel(panels), fields.panel(kPanelsPerBlock), Real(0));
  };
  for_each_tile(states.rows(), work, compute, visit);
}

template <typename Real>
template <typename Visit>
void Product<Real>::for_each_block(const at::Tensor& fields, const Visit& visit) const {
  const Matrix<const Real> matrix{fields.const_data_ptr<Real>(), fields.stride(0),
                                  fields.stride(1)};
  const auto compute = [&](Block<Real> copy, int64_t block, int64_t first_row) {
    const int64_t first = block * kBlockUnits;
    kernels().real<Real>().load_block(
        {matrix.at(first_row, first), matrix.row_stride, matrix.column_stride},
        std::min(kBlockUnits, outputs_ - first), copy);
  };
  for_each_tile(fields.size(0), units_cost(fields.size(0), outputs_), compute, visit);
}

}  // namespace torch_rbm::cpu
