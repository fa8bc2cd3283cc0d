// The training loop of C++ programs.
#include "nn/values.h"
#include "ops/checks.h"
#include "units/specification.h"
#include <torch_rbm/training.h>

#include <ATen/Functions.h>
#include <fmt/ranges.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace torch_rbm {

namespace {

constexpr auto kFit = "fit";
// Gradients of precisions grow with the squares of the distances of outliers, which at the rate of
// the weights would make a unit so wide in one step that it never comes back.
constexpr double kPrecisionRate = 0.01;

// How long a training is.
struct Length {
  int64_t batch_size;
  int64_t batches;
  int64_t epochs;
};

int64_t quotient_rounded_up(int64_t value, int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

// What counts are updates: few cases want small batches and many epochs.
Length length_of(int64_t cases, const FitOptions& options) {
  constexpr int64_t kShare = 100;
  constexpr int64_t kSmallestBatch = 10;
  constexpr int64_t kLargestBatch = 100;
  constexpr int64_t kEpochs = 10;
  constexpr int64_t kUpdates = 5'000;
  const int64_t batch_size =
      options.batch_size.value_or(std::clamp(cases / kShare, kSmallestBatch, kLargestBatch));
  const int64_t batches = quotient_rounded_up(cases, batch_size);
  const int64_t epochs =
      options.epochs.value_or(std::max(kEpochs, quotient_rounded_up(kUpdates, batches)));
  return {.batch_size = batch_size, .batches = batches, .epochs = epochs};
}

// torch_rbm/training/factories.py says more.
double default_rate(const RBM& rbm) {
  constexpr double kHighest = 0.2;
  constexpr double kOfRealUnits = 0.5;
  const auto real_units = [](std::string_view layer, int64_t size) {
    int64_t result = 0;
    for (const units::Group& group : units::parse(layer, size).groups) {
      result += group.type == "gaussian" || group.type == "relu" ? group.size : 0;
    }
    return result;
  };
  const int64_t visible = rbm->visible_bias.size(0);
  const int64_t hidden = real_units(rbm->units().hidden, rbm->hidden_bias.size(0));
  const int64_t real = hidden > 0 ? visible : real_units(rbm->units().visible, visible);
  return std::min(kHighest,
                  kOfRealUnits / std::sqrt(static_cast<double>(std::max<int64_t>(real, 1))));
}

void check(const RBM& rbm, const Tensor& data, const FitOptions& options) {
  if (data.dim() != 2 || data.size(0) == 0) {
    checks::value_error(kFit, "expected data [cases, visible] with at least one case, got [{}]",
                        fmt::join(data.sizes(), ", "));
  }
  if (!options.transform && data.size(1) != rbm->weight.size(1)) {
    checks::value_error(kFit, "expected data [cases, {}], got [{}, {}]", rbm->weight.size(1),
                        data.size(0), data.size(1));
  }
  const int64_t epochs = options.epochs.value_or(0);
  const int64_t batch_size = options.batch_size.value_or(1);
  if (epochs < 0 || batch_size < 1 || options.chains < 1 || options.steps < 0) {
    checks::value_error(kFit,
                        "expected epochs >= 0, batch_size >= 1, chains >= 1 and steps >= 0, got "
                        "{}, {}, {} and {}",
                        epochs, batch_size, options.chains, options.steps);
  }
  // NaN is refused, too.
  const auto is_share = [](double value) { return value >= 0 && value <= 1; };
  const double learning_rate = options.learning_rate.value_or(0);
  if (!(learning_rate >= 0) || !is_share(options.hold) || !is_share(options.warm_up) ||
      !is_share(options.average)) {
    checks::value_error(kFit,
                        "expected learning_rate >= 0, and hold, warm_up and average in [0, 1], got "
                        "{}, {}, {} and {}",
                        learning_rate, options.hold, options.warm_up, options.average);
  }
  if (!options.transform) {
    check_values(kFit, rbm->units().visible, data);
  }
}

// The offsets of the centred RBM, which follow the means of the units half way between data and
// model; torch_rbm/centering.py says more.
class Centering {
 public:
  explicit Centering(const RBM& rbm)
      : visible_(start(rbm->visible_bias, rbm->units().visible)),
        hidden_(start(rbm->hidden_bias, rbm->units().hidden)) {}

  /// Moves the offsets, and turns gradients into those of the centred RBM.
  void apply(ContrastiveDivergenceWithMeans& estimate) {
    constexpr double kRate = 0.01;
    visible_.lerp_(estimate.visible_mean + estimate.grad_visible_bias / 2, kRate);
    hidden_.lerp_(estimate.hidden_mean + estimate.grad_hidden_bias / 2, kRate);
    CenteredGradient centered = centered_gradient(estimate.grad_weight, estimate.grad_visible_bias,
                                                  estimate.grad_hidden_bias, visible_, hidden_);
    estimate.grad_weight = std::move(centered.grad_weight);
    estimate.grad_visible_bias = std::move(centered.grad_visible_bias);
    estimate.grad_hidden_bias = std::move(centered.grad_hidden_bias);
  }

 private:
  // One half for Bernoulli units, 0 for others.
  static Tensor start(const Tensor& bias, std::string_view units) {
    Tensor offset = at::zeros_like(bias);
    int64_t first = 0;
    for (const torch_rbm::units::Group& group :
         torch_rbm::units::parse(units, bias.size(0)).groups) {
      if (group.type == "bernoulli") {
        constexpr double kHalf = 0.5;
        offset.narrow(0, first, group.size).fill_(kHalf);
      }
      first += group.size;
    }
    return offset;
  }

  Tensor visible_;
  Tensor hidden_;
};

// The running mean of parameters.
class Average {
 public:
  void add(const std::vector<Tensor>& parameters) {
    ++count_;
    if (means_.empty()) {
      for (const Tensor& parameter : parameters) {
        means_.push_back(parameter.clone());
      }
      return;
    }
    for (size_t i = 0; i < means_.size(); ++i) {
      means_[i].lerp_(parameters[i], 1.0 / static_cast<double>(count_));
    }
  }

  void set(const std::vector<Tensor>& parameters) const {
    for (size_t i = 0; i < means_.size(); ++i) {
      parameters[i].copy_(means_[i]);
    }
  }

 private:
  int64_t count_ = 0;
  std::vector<Tensor> means_;
};

class Training {
 public:
  Training(const RBM& rbm, const Tensor& data, const FitOptions& options)
      : rbm_(rbm),
        data_(data),
        options_(options),
        parameters_(rbm->parameters()),
        centering_(rbm),
        chain_(rbm->sample_visible(at::zeros({options.chains, rbm->weight.size(0)},
                                             rbm->weight.options().requires_grad(false)),
                                   random())),
        length_(length_of(data.size(0), options)),
        rate_(options.learning_rate ? *options.learning_rate : default_rate(rbm)) {}

  void run() {
    for (int64_t epoch = 1; epoch <= length_.epochs; ++epoch) {
      const double gap = pass();
      if (!std::isfinite(gap) || !finite()) {
        TORCH_CHECK(false, "torch_rbm::fit: training diverged in epoch ", epoch,
                    "; expected a lower learning rate");
      }
      if (options_.on_epoch) {
        options_.on_epoch(epoch, gap);
      }
    }
    average_.set(parameters_);
  }

 private:
  [[nodiscard]] Random random() const { return {.generator = options_.generator}; }

  // One pass over the data; returns the mean energy gap.
  double pass() {
    const Tensor order = at::randperm(data_.size(0), options_.generator, at::kLong);
    double gap = 0;
    for (const Tensor& rows : order.split(length_.batch_size)) {
      Tensor batch = data_.index_select(0, rows.to(data_.device()));
      if (options_.transform) {
        batch = options_.transform(batch);
        check_values(kFit, rbm_->units().visible, batch);
      }
      if (options_.binarize) {
        batch = at::bernoulli(batch.to(at::kFloat), options_.generator);
      }
      gap += update(batch);
    }
    return gap / static_cast<double>(length_.batches);
  }

  double update(const Tensor& batch) {
    auto estimate = contrastive_divergence_with_means(
        batch, chain_, rbm_->weight, rbm_->visible_bias, rbm_->hidden_bias, options_.steps,
        {.units = rbm_->units(), .random = random()});
    chain_ = estimate.chain;
    double gap = (rbm_->weight * estimate.grad_weight).sum().item<double>() +
                 rbm_->visible_bias.dot(estimate.grad_visible_bias).item<double>() +
                 rbm_->hidden_bias.dot(estimate.grad_hidden_bias).item<double>();
    if (options_.centered) {
      centering_.apply(estimate);
    }
    const auto total = static_cast<double>(length_.epochs * length_.batches);
    const double share = share_of_rate(total);
    if (rbm_->visible_log_precision.defined()) {
      const Tensor gradient = precision_gradient(batch);
      gap += gradient.sum().item<double>();
      rbm_->visible_log_precision.sub_(gradient, std::min(rate_, kPrecisionRate) * share);
    }
    const double rate = rate_ * share;
    rbm_->weight.sub_(estimate.grad_weight, rate);
    rbm_->visible_bias.sub_(estimate.grad_visible_bias, rate);
    rbm_->hidden_bias.sub_(estimate.grad_hidden_bias, rate);
    ++updates_;
    if (static_cast<double>(updates_) > (1 - options_.average) * total) {
      average_.add(parameters_);
    }
    return gap;
  }

  // ∂/∂log γ of Σ γv²/2, under data less under the chains.
  [[nodiscard]] Tensor precision_gradient(const Tensor& batch) const {
    const auto second_moment = [this](const Tensor& states) {
      return states.to(rbm_->weight.scalar_type()).square().mean(0);
    };
    return rbm_->visible_log_precision.exp() * (second_moment(batch) - second_moment(chain_)) / 2;
  }

  [[nodiscard]] double share_of_rate(double total) const {
    const auto updates = static_cast<double>(updates_);
    const double rises = options_.warm_up * total;
    const double falls = (1 - options_.hold) * total;
    const double rise = updates + 1 < rises ? (updates + 1) / rises : 1;
    const double fall = total - updates < falls ? (total - updates) / falls : 1;
    return std::min(rise, fall);
  }

  [[nodiscard]] bool finite() const {
    return std::ranges::all_of(parameters_, [](const Tensor& parameter) {
      return parameter.isfinite().all().item<bool>();
    });
  }

  const RBM& rbm_;
  const Tensor& data_;
  const FitOptions& options_;
  std::vector<Tensor> parameters_;
  Centering centering_;
  Average average_;
  Tensor chain_;
  Length length_;
  double rate_;
  int64_t updates_ = 0;
};

}  // namespace

void fit(const RBM& rbm, const Tensor& data, const FitOptions& options) {
  check(rbm, data, options);
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> before;
  for (const Tensor& parameter : rbm->parameters()) {
    before.push_back(parameter.clone());
  }
  try {
    Training(rbm, data, options).run();
  } catch (...) {
    const auto parameters = rbm->parameters();
    for (size_t i = 0; i < before.size(); ++i) {
      parameters[i].copy_(before[i]);
    }
    throw;
  }
}

}  // namespace torch_rbm
