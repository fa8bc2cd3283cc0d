// parallel_tempering on the CPU; see reference/parallel_tempering.cpp.
#include "cpu/product_threads.h"
#include "cpu/tempered.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <vector>

namespace torch_rbm::cpu {

namespace {

using random::Layer;

// Which row, a state of its own, is at which level, an index into the betas.
class Ladder {
 public:
  Ladder(const double* betas, int64_t levels, int64_t chains)
      : betas_(betas),
        levels_(levels),
        chains_(chains),
        row_at_(static_cast<size_t>(levels * chains)),
        level_of_(row_at_.size()),
        accepted_(static_cast<size_t>(levels)),
        proposed_(accepted_.size()) {
    for (int64_t row = 0; row < levels * chains; ++row) {
      row_at_[static_cast<size_t>(row)] = row;
      level_of_[static_cast<size_t>(row)] = row / chains;
    }
  }

  [[nodiscard]] int64_t rows() const { return levels_ * chains_; }
  [[nodiscard]] int64_t chains() const { return chains_; }
  [[nodiscard]] double beta(int64_t row) const { return betas_[level_of_[index(row)]]; }
  [[nodiscard]] int64_t row_at(int64_t level, int64_t chain) const {
    return row_at_[index(level * chains_ + chain)];
  }

  /// Calls visit(lower level, chain) for every pair of neighbouring levels that starts at an even
  /// level, or at an odd one.
  template <typename Visit>
  void for_each_pair(bool odd, const Visit& visit) const {
    for (int64_t level = odd ? 1 : 0; level + 1 < levels_; level += 2) {
      for (int64_t chain = 0; chain < chains_; ++chain) {
        visit(level, chain);
      }
    }
  }

  /// Counts a proposal to exchange the rows at `level` and above it, and exchanges them if asked
  /// to.
  void propose(int64_t level, int64_t chain, double probability, bool accept) {
    accepted_[index(level)] += probability;
    ++proposed_[index(level)];
    if (accept) {
      int64_t& low = row_at_[index(level * chains_ + chain)];
      int64_t& high = row_at_[index((level + 1) * chains_ + chain)];
      std::swap(low, high);
      std::swap(level_of_[index(low)], level_of_[index(high)]);
    }
  }

  /// The probabilities of all proposals of a pair added up, and their number.
  [[nodiscard]] double accepted(int64_t level) const { return accepted_[index(level)]; }
  [[nodiscard]] int64_t proposed(int64_t level) const { return proposed_[index(level)]; }

 private:
  static size_t index(int64_t i) { return static_cast<size_t>(i); }

  const double* betas_;
  int64_t levels_;
  int64_t chains_;
  std::vector<int64_t> row_at_;
  std::vector<int64_t> level_of_;
  std::vector<double> accepted_;
  std::vector<int64_t> proposed_;
};

// Makes all steps of the rows of `visible`.
template <typename Real>
void walk(const Tempered<Real>& path, int64_t steps, const Key& key, States& visible,
          Ladder& ladder) {
  const Model<Real>& model = path.model();
  const int64_t rows = ladder.rows();
  const auto count = static_cast<size_t>(rows);
  // Hidden states for the level at which a row is, and for that to which it may go.
  States stay(rows, model.hidden());
  States move(rows, model.hidden());
  const Buffer<double> linear(rows);
  const BlockSums changes(rows, model.hidden());
  std::vector<double> own(count);
  std::vector<double> other(count);
  std::vector<Real> own_scale(count);
  std::vector<Real> other_scale(count);
  for (int64_t step = 0; step < steps; ++step) {
    // One number for each pair of levels in each chain, and after them one for the coin.
    const Tensor numbers = uniforms(key.draw(step, Layer::swap, 0), rows + 1, 1);
    const auto* const u = numbers.const_data_ptr<float>();
    const bool odd = u[rows] >= 0.5F;
    for (int64_t row = 0; row < rows; ++row) {
      own[static_cast<size_t>(row)] = other[static_cast<size_t>(row)] = ladder.beta(row);
    }
    ladder.for_each_pair(odd, [&](int64_t level, int64_t chain) {
      const auto low = static_cast<size_t>(ladder.row_at(level, chain));
      const auto high = static_cast<size_t>(ladder.row_at(level + 1, chain));
      other[low] = own[high];
      other[high] = own[low];
    });
    std::ranges::transform(own, own_scale.begin(), [](double b) { return static_cast<Real>(b); });
    std::ranges::transform(other, other_scale.begin(),
                           [](double b) { return static_cast<Real>(b); });
    const Draw draw = key.draw(step, Layer::hidden, 0);
    const SampleTo<Real> sample_stay{stay, draw, own_scale.data()};
    const SampleTo<Real> sample_move{move, draw, other_scale.data()};
    model.visit_hidden(visible, [&](Block<const Real> fields, int64_t block, int64_t first_row) {
      path.add_changes(fields, block, first_row, own.data(), other.data(), changes);
      sample_stay(fields, block, first_row);
      sample_move(fields, block, first_row);
    });
    path.bias_energy(visible, linear.data());
    const auto change = [&](int64_t row) {
      const auto i = static_cast<size_t>(row);
      return changes.add_to((other[i] - own[i]) * linear.data()[row], row);
    };
    ladder.for_each_pair(odd, [&](int64_t level, int64_t chain) {
      const int64_t low = ladder.row_at(level, chain);
      const int64_t high = ladder.row_at(level + 1, chain);
      const double log_odds = change(low) + change(high);
      const bool accept =
          std::log(static_cast<double>(u[level * ladder.chains() + chain])) < log_odds;
      ladder.propose(level, chain, std::exp(std::min(log_odds, 0.0)), accept);
      if (accept) {
        stay.copy_row(move, low);
        stay.copy_row(move, high);
        own_scale[static_cast<size_t>(low)] = other_scale[static_cast<size_t>(low)];
        own_scale[static_cast<size_t>(high)] = other_scale[static_cast<size_t>(high)];
      }
    });
    stay.prepare();
    model.visit_visible(stay, SampleTo<Real>{visible, key.draw(step, Layer::visible, 0),
                                             own_scale.data(), path.base()});
    visible.prepare();
  }
}

template <typename Real>
std::optional<std::tuple<Tensor, Tensor, Tensor, Tensor>> fused(const Model<Real>& model,
                                                                const Tensor& chain,
                                                                const Tensor& base_bias,
                                                                const Tensor& betas, int64_t steps,
                                                                const Key& key) {
  const units::TwoStates& spelled = model.unpacked().visible_states();
  const int64_t levels = chain.size(0);
  const int64_t chains = chain.size(1);
  const Tensor all_betas = betas.contiguous();
  Ladder ladder(all_betas.const_data_ptr<double>(), levels, chains);
  States visible(ladder.rows(), model.visible());
  const Tensor rows = chain.flatten(0, 1);
  if (!visible.read(rows, 0, spelled)) {
    return std::nullopt;
  }
  visible.prepare();
  walk(Tempered<Real>(model, base_bias), steps, key, visible, ladder);

  const Tensor accepted = at::empty({levels - 1}, betas.options());
  const Tensor proposed = at::empty({levels - 1}, chain.options().dtype(at::kLong));
  for (int64_t level = 0; level + 1 < levels; ++level) {
    accepted.mutable_data_ptr<double>()[level] = ladder.accepted(level);
    proposed.mutable_data_ptr<int64_t>()[level] = ladder.proposed(level);
  }
  const Tensor row_at = at::empty({levels, chains}, chain.options().dtype(at::kLong));
  for (int64_t i = 0; i < ladder.rows(); ++i) {
    row_at.mutable_data_ptr<int64_t>()[i] = ladder.row_at(i / chains, i % chains);
  }
  const Tensor moved = at::empty(rows.sizes(), chain.options());
  visible.write(moved, 0, spelled);
  return std::tuple{moved.index({row_at}), accepted, proposed, row_at.div(chains, "floor")};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> parallel_tempering(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas, int64_t steps,
    std::string_view visible_units, std::string_view hidden_units,
    const std::optional<Tensor>& visible_precision, const std::optional<Tensor>& hidden_precision,
    const Tensor& key) {
  constexpr auto kOp = "parallel_tempering";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::parallel_tempering(kOp, chain, arguments, base_visible_bias, betas, steps);
  checks::key(kOp, key, weight.device());
  const ProductThreads threads(chain, weight);
  const reference::Model model(arguments);
  const Tensor base_bias = reference::accumulated(base_visible_bias, weight);
  if (use_kernels() && model.has_two_states() && chain.numel() > 0 && hidden_bias.numel() > 0 &&
      (base_bias.isfinite().all() & betas.isfinite().all()).item<bool>()) {
    const auto result =
        with_packed<Model>(BinaryModel(model).less(base_bias), [&](const auto& packed) {
          return fused(packed, chain, base_bias, betas, steps, Key(key));
        });
    if (result) {
      return *result;
    }
  }
  const auto [moved, accepted, proposed, origin] =
      reference::parallel_tempering(chain, model, base_bias, betas, steps, key);
  return {moved.to(chain.scalar_type()), accepted, proposed, origin};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("parallel_tempering.key", &parallel_tempering);
}

}  // namespace torch_rbm::cpu
