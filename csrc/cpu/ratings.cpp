// The model of ratings on the CPU.
#include "cpu/capability.h"
#include "cpu/cost.h"
#include "cpu/key.h"
#include "cpu/parallel.h"
#include "ops/ratings_kernels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

namespace torch_rbm::cpu {

using at::Tensor;

namespace {

using reference::Rated;
using reference::RatingsPhase;
using reference::RatingsStatistics;

// Of adding or multiplying one weight, in nanoseconds; only decides whether threads are worth it.
constexpr double kWeightCost = 0.1;
constexpr int64_t kRatingsPerTask = 1024;

// Softmax in place.
template <typename Real>
void normalize(Real* logits, int64_t count) {
  const Real highest = *std::max_element(logits, logits + count);
  Real sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    logits[i] = std::exp(logits[i] - highest);
    sum += logits[i];
  }
  for (int64_t i = 0; i < count; ++i) {
    logits[i] /= sum;
  }
}

// Calls task(first, last) for pieces of the ratings.
template <typename Task>
void for_ratings(int64_t count, double work, const Task& task) {
  run_tasks(parts(count, kRatingsPerTask), work, [&](int64_t piece) {
    task(piece * kRatingsPerTask, std::min((piece + 1) * kRatingsPerTask, count));
  });
}

// The ratings of every item, in the order of the cases.
struct ByItem {
  std::vector<int64_t> starts;
  std::vector<int64_t> ratings;

  ByItem(const int64_t* items, int64_t count, int64_t item_count)
      : starts(static_cast<size_t>(item_count) + 1), ratings(static_cast<size_t>(count)) {
    for (int64_t i = 0; i < count; ++i) {
      ++starts[static_cast<size_t>(items[i]) + 1];
    }
    for (size_t item = 1; item < starts.size(); ++item) {
      starts[item] += starts[item - 1];
    }
    std::vector<int64_t> next(starts.begin(), starts.end() - 1);
    for (int64_t i = 0; i < count; ++i) {
      ratings[static_cast<size_t>(next[static_cast<size_t>(items[i])]++)] = i;
    }
  }
};

template <typename Real>
class FusedRatings final : public reference::RatingsModel {
 public:
  FusedRatings(const RatedArguments& cases, const RatingsModelArguments& arguments)
      : RatingsModel(cases, arguments),
        items_(rated().items.contiguous()),
        rows_(rated().rows.contiguous()),
        weight_(weight().contiguous()),
        visible_bias_(visible_bias().defined() ? visible_bias().contiguous() : Tensor()) {}

  [[nodiscard]] Tensor hidden_field(const Tensor& visible) const override {
    Tensor field = hidden_bias().expand({cases(), width()}).clone(at::MemoryFormat::Contiguous);
    const Tensor crow = rated().crow.contiguous();
    const auto* const starts = crow.const_data_ptr<int64_t>();
    auto* const fields = field.template mutable_data_ptr<Real>();
    const bool sampled = visible.dim() == 1;
    const Tensor index = sampled ? items_ * levels() + visible : items_;
    const Tensor given = visible.contiguous();
    const auto* const rows = index.const_data_ptr<int64_t>();
    const Real* const probabilities = sampled ? nullptr : given.template const_data_ptr<Real>();
    const double work = cost(sampled ? 1 : levels());
    run_tasks(parts(cases(), kCasesPerTask), work, [&](int64_t piece) {
      const int64_t last = std::min((piece + 1) * kCasesPerTask, cases());
      for (int64_t i = piece * kCasesPerTask; i < last; ++i) {
        Real* const sums = fields + i * width();
        if (sampled) {
          real().add_rows(weights(), width(), rows + starts[i], starts[i + 1] - starts[i], sums);
        } else {
          for (int64_t rating = starts[i]; rating < starts[i + 1]; ++rating) {
            for (int64_t level = 0; level < levels(); ++level) {
              real().add_scaled(probabilities[rating * levels() + level],
                                weights(rows[rating], level), width(), sums);
            }
          }
        }
      }
    });
    return field;
  }

  [[nodiscard]] Tensor level_probabilities(const Tensor& hidden_states) const override {
    const Tensor states = hidden_states.contiguous();
    Tensor result = at::empty({items_.size(0), levels()}, weight_.options());
    auto* const out = result.template mutable_data_ptr<Real>();
    for_ratings(items_.size(0), cost(levels()), [&](int64_t first, int64_t last) {
      for (int64_t rating = first; rating < last; ++rating) {
        probabilities(rating, states.template const_data_ptr<Real>(), out + rating * levels());
      }
    });
    return result;
  }

  [[nodiscard]] Tensor sample_levels(const Tensor& hidden_states,
                                     const random::Stream& stream) const override {
    const Tensor states = hidden_states.contiguous();
    const Tensor uniform = uniforms(stream);
    const auto* const u = uniform.const_data_ptr<float>();
    Tensor result = at::empty_like(items_);
    auto* const out = result.mutable_data_ptr<int64_t>();
    for_ratings(items_.size(0), cost(levels()), [&](int64_t first, int64_t last) {
      std::vector<Real> probability(static_cast<size_t>(levels()));
      for (int64_t rating = first; rating < last; ++rating) {
        probabilities(rating, states.template const_data_ptr<Real>(), probability.data());
        // Rounding may leave the sum of all below 1: the last level takes the rest.
        int64_t level = 0;
        Real below = probability[0];
        while (level + 1 < levels() && !(static_cast<Real>(u[rating]) < below)) {
          below += probability[static_cast<size_t>(++level)];
        }
        out[rating] = level;
      }
    });
    return result;
  }

  [[nodiscard]] Tensor predict(const Tensor& field, const Rated& query) const override {
    if (!hidden().is_bernoulli()) {
      return RatingsModel::predict(field, query);
    }
    const Tensor fields = field.contiguous();
    const Tensor query_items = query.items.contiguous();
    const auto* const items = query_items.const_data_ptr<int64_t>();
    const auto* const query_cases = query.rows.const_data_ptr<int64_t>();
    const auto* const biases = visible_bias_.template const_data_ptr<Real>();
    Tensor result = at::empty({query_items.size(0), levels()}, weight_.options());
    auto* const out = result.template mutable_data_ptr<Real>();
    constexpr double kSoftplus = 10;  // as costly as so many products
    const double work =
        kSoftplus * kWeightCost * static_cast<double>(query_items.size(0) * levels() * width());
    for_ratings(query_items.size(0), work, [&](int64_t first, int64_t last) {
      std::vector<double> logits(static_cast<size_t>(levels()));
      for (int64_t i = first; i < last; ++i) {
        real().softplus_changes(weights(items[i], 0), levels(), width(),
                                fields.template const_data_ptr<Real>() + query_cases[i] * width(),
                                logits.data());
        for (int64_t level = 0; level < levels(); ++level) {
          logits[static_cast<size_t>(level)] +=
              static_cast<double>(biases[items[i] * levels() + level]);
        }
        normalize(logits.data(), levels());
        std::ranges::transform(logits, out + i * levels(),
                               [](double value) { return static_cast<Real>(value); });
      }
    });
    return result;
  }

  [[nodiscard]] RatingsStatistics statistics(const RatingsPhase& first,
                                             const RatingsPhase& second) const override {
    RatingsStatistics sums{at::zeros_like(weight_), at::zeros_like(visible_bias_)};
    const Phase phases[] = {Phase(first, Real{1}), Phase(second, Real{-1})};
    const ByItem by_item(items_.const_data_ptr<int64_t>(), items_.size(0), weight_.size(0));
    auto* const weight_sums = sums.weight.template mutable_data_ptr<Real>();
    auto* const bias_sums = sums.visible_bias.template mutable_data_ptr<Real>();
    const auto* const rating_cases = rows_.const_data_ptr<int64_t>();
    run_tasks(parts(weight_.size(0), kItemsPerTask), cost(2), [&](int64_t piece) {
      const int64_t last = std::min((piece + 1) * kItemsPerTask, weight_.size(0));
      for (int64_t item = piece * kItemsPerTask; item < last; ++item) {
        Real* const rows = weight_sums + item * levels() * width();
        Real* const biases = bias_sums + item * levels();
        for (int64_t i = by_item.starts[static_cast<size_t>(item)];
             i < by_item.starts[static_cast<size_t>(item) + 1]; ++i) {
          const int64_t rating = by_item.ratings[static_cast<size_t>(i)];
          for (const Phase& phase : phases) {
            add(phase, rating, rating_cases[rating], rows, biases);
          }
        }
      }
    });
    return sums;
  }

 private:
  static constexpr int64_t kCasesPerTask = 8;
  static constexpr int64_t kItemsPerTask = 32;

  // One side of the statistics in memory.
  struct Phase {
    Tensor visible;
    Tensor hidden;
    Real sign;

    Phase(const RatingsPhase& phase, Real factor)
        : visible(phase.visible.contiguous()), hidden(phase.hidden.contiguous()), sign(factor) {}
  };

  [[nodiscard]] static const RealKernels<Real>& real() { return kernels().real<Real>(); }
  [[nodiscard]] int64_t cases() const { return rated().crow.size(0) - 1; }
  [[nodiscard]] int64_t levels() const { return weight_.size(1); }
  [[nodiscard]] int64_t width() const { return weight_.size(2); }
  [[nodiscard]] const Real* weights() const { return weight_.template const_data_ptr<Real>(); }
  [[nodiscard]] const Real* weights(int64_t item, int64_t level) const {
    return weights() + (item * levels() + level) * width();
  }
  // Of going through so many rows of weights for each rating.
  [[nodiscard]] double cost(int64_t rows) const {
    return kWeightCost * static_cast<double>(items_.size(0) * rows * width());
  }

  void probabilities(int64_t rating, const Real* states, Real* out) const {
    const int64_t item = items_.const_data_ptr<int64_t>()[rating];
    const int64_t row = rows_.const_data_ptr<int64_t>()[rating];
    real().products(weights(item, 0), levels(), width(), states + row * width(), out);
    const Real* const biases = visible_bias_.template const_data_ptr<Real>() + item * levels();
    for (int64_t level = 0; level < levels(); ++level) {
      out[level] += biases[level];
    }
    normalize(out, levels());
  }

  void add(const Phase& phase, int64_t rating, int64_t row, Real* weight_rows, Real* biases) const {
    const Real* const states = phase.hidden.template const_data_ptr<Real>() + row * width();
    if (phase.visible.dim() == 1) {
      const int64_t level = phase.visible.template const_data_ptr<int64_t>()[rating];
      real().add_scaled(phase.sign, states, width(), weight_rows + level * width());
      biases[level] += phase.sign;
      return;
    }
    const Real* const given = phase.visible.template const_data_ptr<Real>() + rating * levels();
    for (int64_t level = 0; level < levels(); ++level) {
      const Real factor = phase.sign * given[level];
      real().add_scaled(factor, states, width(), weight_rows + level * width());
      biases[level] += factor;
    }
  }

  Tensor items_;
  Tensor rows_;
  Tensor weight_;
  Tensor visible_bias_;
};

std::unique_ptr<reference::RatingsModel> make_model(const RatedArguments& cases,
                                                    const RatingsModelArguments& arguments) {
  if (!use_kernels()) {
    return std::make_unique<reference::RatingsModel>(cases, arguments);
  }
  if (arguments.weight.scalar_type() == at::kDouble) {
    return std::make_unique<FusedRatings<double>>(cases, arguments);
  }
  return std::make_unique<FusedRatings<float>>(cases, arguments);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  RatingsKernels<&make_model>::register_all(m);
}

}  // namespace torch_rbm::cpu
