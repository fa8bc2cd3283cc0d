// contrastive_divergence on the CPU.
#include "cpu/gradient.h"
#include "cpu/product_threads.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

namespace torch_rbm::cpu {

namespace {

using random::Layer;
using Estimate = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

struct Options {
  int64_t steps;
  bool sampled_hidden;
  bool mean_visible;
  std::optional<Tensor> observed;  // bool [rows, visible]
};

// Rows of one phase: visible states, and what the hidden units are given them.
template <typename Real>
struct PhaseRows {
  Visible visible;
  HiddenStatistics<Real> hidden;
  Tensor dense_hidden;  // instead of `hidden` where the visible states are not binary
};

// The phases of a chunk of rows; a phase may have ended before the other.
template <typename Real>
struct Phases {
  std::optional<PhaseRows<Real>> positive;
  std::optional<PhaseRows<Real>> negative;
};

// The moved chain, in the layout and dtype of the given one.
template <typename Real>
class MovedChain {
 public:
  MovedChain(const Model<Real>& model, const Tensor& chain) : model_(model) {
    if (chain.layout() == at::kSparseCsr) {
      csr_.emplace(chain.size(0), chain.size(1), chain.scalar_type());
    } else {
      strided_ = at::empty(chain.sizes(), chain.options());
    }
  }

  /// The rows from `first` on; chunks must come in order.
  void write(const Visible& visible, int64_t first) {
    if (!csr_) {
      model_.write(visible, strided_, first);
      return;
    }
    if (!visible.binary()) {
      checks::value_error("contrastive_divergence",
                          "expected states 0 and 1 in a chain of layout torch.sparse_csr");
    }
    for (int64_t row = 0; row < visible.states.rows(); ++row) {
      csr_->add(visible.states.active_units(row));
    }
  }

  [[nodiscard]] Tensor finish() const { return csr_ ? csr_->finish() : strided_; }

 private:
  const Model<Real>& model_;
  Tensor strided_;
  std::optional<CsrWriter> csr_;
};

bool same_rows(const Tensor& a, const Tensor& b) {
  if (a.layout() == at::kSparseCsr || b.layout() == at::kSparseCsr) {
    return a.is_same(b);
  }
  return a.const_data_ptr() == b.const_data_ptr() && a.sizes() == b.sizes() &&
         a.strides() == b.strides() && a.scalar_type() == b.scalar_type();
}

template <typename Real>
class Estimator {
 public:
  Estimator(const Model<Real>& model, Options options, const Key& key)
      : model_(model), options_(std::move(options)), key_(key) {}

  /// The two phases of the rows from `first` on; writes the moved chain.
  [[nodiscard]] Phases<Real> chunk(const Tensor& data, const Tensor& chain, int64_t first,
                                   MovedChain<Real>& moved) const {
    Phases<Real> result;
    const int64_t data_last = std::min(first + kChunkRows, data.size(0));
    const int64_t chain_last = std::min(first + kChunkRows, chain.size(0));
    // Where the chain starts from the data, one product serves the positive phase and its first
    // step.
    std::optional<States> first_sample;
    if (options_.steps > 0 && first < data_last && same_rows(data, chain)) {
      first_sample.emplace(data_last - first, model_.hidden());
    }
    if (first < data_last) {
      result.positive.emplace(statistics(model_.read(data, first, data_last), 0, first,
                                         first_sample ? &*first_sample : nullptr));
    }
    if (first < chain_last) {
      Visible visible = first_sample
                            ? Visible{States(chain_last - first, model_.visible()), Tensor()}
                            : model_.read(chain, first, chain_last);
      walk(visible, first, first_sample ? &*first_sample : nullptr);
      result.negative.emplace(statistics(std::move(visible), options_.steps, first, nullptr));
      moved.write(result.negative->visible, first);
    }
    return result;
  }

 private:
  /// The hidden statistics given `visible`, whose sample, if it is needed, is that of `step`.
  /// Fills `sample` too where there is one.
  PhaseRows<Real> statistics(Visible visible, int64_t step, int64_t first, States* sample) const {
    const int64_t rows = visible.states.rows();
    PhaseRows<Real> result{std::move(visible), HiddenStatistics<Real>(rows, model_.hidden()),
                           Tensor()};
    std::optional<States> own_sample;
    if (options_.sampled_hidden && sample == nullptr) {
      sample = &own_sample.emplace(rows, model_.hidden());
    }
    if (!result.visible.binary()) {
      result.dense_hidden = at::empty({rows, model_.hidden()}, result.visible.dense.options());
    }
    model_.visit_hidden(result.visible, [&](Block<const Real> fields, int64_t block,
                                            int64_t first_row) {
      if (sample != nullptr) {
        SampleTo<Real>{*sample, key_.draw(step, Layer::hidden, first)}(fields, block, first_row);
      }
      if (options_.sampled_hidden) {
        return;
      }
      if (result.visible.binary()) {
        result.hidden(fields, block, first_row);
      } else {
        MeanTo<Real>(result.dense_hidden)(fields, block, first_row);
      }
    });
    if (options_.sampled_hidden) {
      if (result.visible.binary()) {
        result.hidden.set(*sample);
      } else {
        sample->write(result.dense_hidden, 0);
      }
    }
    return result;
  }

  /// Moves visible states by the steps of the chain. `hidden` is the sample of the first step, or
  /// null where that is still to be drawn.
  void walk(Visible& chain, int64_t first, States* hidden) const {
    std::optional<States> own_hidden;
    std::optional<Observed> observed;
    if (options_.observed) {
      observed.emplace(*options_.observed, first, chain.states.rows());
    }
    for (int64_t step = 0; step < options_.steps; ++step) {
      if (step > 0 || hidden == nullptr) {
        if (hidden == nullptr) {
          hidden = &own_hidden.emplace(chain.states.rows(), model_.hidden());
        }
        model_.visit_hidden(chain, SampleTo<Real>{*hidden, key_.draw(step, Layer::hidden, first)});
      }
      hidden->prepare();
      chain = model_.draw_visible(*hidden, key_.draw(step, Layer::visible, first),
                                  options_.mean_visible, observed ? &*observed : nullptr);
    }
  }

  const Model<Real>& model_;
  Options options_;
  Key key_;
};

template <typename Real>
void add_phases(Gradient<Real>& gradient, const Phases<Real>& phases, Real positive_share,
                Real negative_share) {
  const std::tuple<const std::optional<PhaseRows<Real>>&, Sign, Real> signed_phases[] = {
      {phases.positive, Sign::positive, positive_share},
      {phases.negative, Sign::negative, negative_share}};
  c10::SmallVector<Phase<Real>, 2> binary;
  for (const auto& [rows, sign, share] : signed_phases) {
    if (rows && rows->visible.binary()) {
      binary.push_back({rows->visible.states, rows->hidden, sign, share});
    }
  }
  gradient.add(binary);
  for (const auto& [rows, sign, share] : signed_phases) {
    if (rows && !rows->visible.binary()) {
      gradient.add(rows->visible.dense, rows->dense_hidden, sign, share);
    }
  }
}

template <typename Real>
std::optional<Estimate> fused(const Model<Real>& model, const Tensor& data, const Tensor& chain,
                              const Options& options, const Key& key) {
  const Estimator<Real> estimator(model, options, key);
  Gradient<Real> gradient(model.parameters());
  MovedChain<Real> moved(model, chain);
  const auto share = [](const Tensor& rows) {
    return 1 / static_cast<Real>(std::max<int64_t>(rows.size(0), 1));
  };
  for (int64_t first = 0; first < std::max(data.size(0), chain.size(0)); first += kChunkRows) {
    const Phases<Real> phases = estimator.chunk(data, chain, first, moved);
    add_phases(gradient, phases, share(data), share(chain));
  }
  const double has_data = data.size(0) > 0 ? 1 : 0;
  const double has_chain = chain.size(0) > 0 ? 1 : 0;
  const auto [weight, visible_bias, hidden_bias] = model.unpacked().renamed(
      {gradient.weight(), gradient.visible_bias(), gradient.hidden_bias()}, has_chain - has_data);
  const PhaseMeans positive = model.unpacked().renamed(gradient.positive(), has_data);
  return Estimate{weight,           visible_bias,    hidden_bias,
                  positive.visible, positive.hidden, moved.finish()};
}

// Whether a unit that is missing can be kept in the state 0.
bool zero_is_missing(const Tensor& data, const Tensor& chain, const reference::Model& model) {
  return data.layout() == at::kStrided && chain.layout() == at::kStrided &&
         model.visible->two_states().value_or(units::TwoStates{}).zero == 0;
}

Estimate contrastive_divergence(const Tensor& data, const Tensor& chain, const Tensor& weight,
                                const Tensor& visible_bias, const Tensor& hidden_bias,
                                int64_t steps, std::string_view visible_units,
                                std::string_view hidden_units,
                                const std::optional<Tensor>& visible_precision,
                                const std::optional<Tensor>& hidden_precision,
                                const std::optional<Tensor>& observed, bool sampled_hidden,
                                bool mean_visible, const Tensor& key) {
  constexpr auto kOp = "contrastive_divergence";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::contrastive_divergence(kOp, data, chain, arguments, steps, observed, mean_visible);
  checks::key(kOp, key, weight.device());
  const ProductThreads threads(data.numel() > chain.numel() ? data : chain, weight);
  const reference::Model model(arguments);
  if (use_kernels() && model.hidden->two_states() && weight.numel() > 0 &&
      data.numel() + chain.numel() > 0 && (!observed || zero_is_missing(data, chain, model))) {
    using reference::as_rows;
    Tensor data_rows = as_rows(data);
    Tensor chain_rows = as_rows(chain);
    Options options{steps, sampled_hidden, mean_visible, std::nullopt};
    if (observed) {
      const bool from_data = same_rows(data_rows, chain_rows);
      const Tensor missing = observed->logical_not();
      data_rows = as_rows(data.masked_fill(missing, 0));
      chain_rows = from_data ? data_rows : as_rows(chain.masked_fill(missing, 0));
      options.observed = as_rows(observed->expand(chain.sizes()));
    }
    const auto result = with_packed<Model>(BinaryModel(model), [&](const auto& packed) {
      return fused(packed, data_rows, chain_rows, options, Key(key));
    });
    if (result) {
      const auto& [grad_weight, grad_visible_bias, grad_hidden_bias, visible_mean, hidden_mean,
                   moved] = *result;
      const auto dtype = weight.scalar_type();
      return {grad_weight.to(dtype),      grad_visible_bias.to(dtype),
              grad_hidden_bias.to(dtype), visible_mean.to(dtype),
              hidden_mean.to(dtype),      chain.dim() == 2 ? moved : moved.view(chain.sizes())};
    }
  }
  return reference::contrastive_divergence(data, chain, model, weight.scalar_type(), steps,
                                           observed, sampled_hidden, mean_visible, key);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("contrastive_divergence_with_means.key", &contrastive_divergence);
}
TORCH_LIBRARY_IMPL(torch_rbm, SparseCsrCPU, m) {
  m.impl("contrastive_divergence_with_means.key", &contrastive_divergence);
}

}  // namespace torch_rbm::cpu
