// ⟨h vᵀ⟩, ⟨v⟩ and ⟨h⟩ of the two phases of a gradient, summed up chunk by chunk.
#pragma once

#include "cpu/model.h"

#include <span>

namespace torch_rbm::cpu {

/// Probabilities or samples of the hidden units for some rows, as integers in panels of 16 units.
template <typename Real>
class HiddenStatistics {
 public:
  HiddenStatistics(int64_t rows, int64_t hidden);

  [[nodiscard]] int64_t rows() const { return rows_; }
  [[nodiscard]] Panels<Sum<Real>> panels(int64_t first, int64_t count) const {
    return {panels_.data() + first * panel_stride(), panel_stride(), count};
  }
  /// The probability that the integer 1 stands for: small, but no sum over the rows overflows.
  [[nodiscard]] Real step() const { return step_; }

  /// Sets the means of a block of units.
  void operator()(Block<const Real> fields, int64_t block, int64_t first_row) const;
  /// Sets samples.
  void set(const States& samples) const;

 private:
  [[nodiscard]] int64_t panel_stride() const {
    return round_up(rows_, kBlockUnits) * kPanelUnits;  // tables read whole words of 64 rows
  }
  [[nodiscard]] Sum<Real>* block_values(int64_t block) const {
    return panels_.data() + block * kPanelsPerBlock * panel_stride();
  }

  int64_t rows_;
  Real step_;
  Buffer<Sum<Real>> panels_;
};

enum class Sign : bool { positive, negative };

/// Some rows of one phase with binary visible states.
template <typename Real>
struct Phase {
  const States& visible;
  const HiddenStatistics<Real>& hidden;
  Sign sign;
  Real share;  // of one row: one over the number of rows of the whole phase
};

/// The sum of weighted rows: gradients of dtype Real, in the memory order of the parameters.
template <typename Real>
class Gradient {
 public:
  explicit Gradient(const reference::Model& parameters);

  void add(std::span<const Phase<Real>> phases);
  /// Rows whose visible states are not binary, [rows, visible], with hidden statistics
  /// [rows, hidden].
  void add(const Tensor& visible, const Tensor& hidden, Sign sign, Real share);

  [[nodiscard]] const Tensor& weight() const { return weight_; }
  [[nodiscard]] Tensor visible_bias() const;
  [[nodiscard]] Tensor hidden_bias() const;
  [[nodiscard]] const PhaseMeans& positive() const { return positive_; }

 private:
  [[nodiscard]] PhaseMeans& means(Sign sign) {
    return sign == Sign::positive ? positive_ : negative_;
  }

  Tensor weight_;
  PhaseMeans positive_;
  PhaseMeans negative_;
  bool empty_ = true;
};

}  // namespace torch_rbm::cpu
