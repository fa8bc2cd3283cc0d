// The operators of ratings over the paths that compute the model: the ATen formulas and what
// overrides them.
#pragma once

#include "ops/check_parts.h"
#include "ops/checks.h"
#include "ops/ratings.h"
#include "random/stream.h"
#include "reference/formulas.h"
#include "reference/ratings.h"

#include <ATen/TensorOperators.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <tuple>

namespace torch_rbm {

/// `make_model` makes a reference::RatingsModel from arguments that have been checked.
template <auto make_model>
struct RatingsKernels {
  using Tensor = at::Tensor;

  static Tensor hidden_mean(const Tensor& crow, const Tensor& items, const Tensor& levels,
                            const Tensor& weight, const Tensor& hidden_bias,
                            std::string_view hidden_units) {
    const RatingsModelArguments arguments{weight, nullptr, hidden_bias, hidden_units};
    const auto model = checked("ratings_hidden_mean", {crow, items}, levels, arguments);
    return model->hidden().mean(model->hidden_field(levels)).to(weight.scalar_type());
  }

  static Tensor visible_mean(const Tensor& crow, const Tensor& items, const Tensor& hidden,
                             const Tensor& weight, const Tensor& visible_bias) {
    constexpr auto kOp = "ratings_visible_mean";
    const RatedArguments cases{crow, items};
    checks::ratings_visible_mean(kOp, cases, hidden, weight, visible_bias);
    checks::rated_values(kOp, cases, weight);
    // The hidden biases play no part.
    const auto model = make_model(cases, {weight, &visible_bias, hidden, "bernoulli"});
    return model->level_probabilities(reference::accumulated(hidden, weight))
        .to(weight.scalar_type());
  }

  static Tensor free_energy(const Tensor& crow, const Tensor& items, const Tensor& levels,
                            const Tensor& weight, const Tensor& visible_bias,
                            const Tensor& hidden_bias, std::string_view hidden_units) {
    const RatingsModelArguments arguments{weight, &visible_bias, hidden_bias, hidden_units};
    return checked("ratings_free_energy", {crow, items}, levels, arguments)->free_energy(levels);
  }

  static Tensor predict(const Tensor& crow, const Tensor& items, const Tensor& levels,
                        const Tensor& query_crow, const Tensor& query_items, const Tensor& weight,
                        const Tensor& visible_bias, const Tensor& hidden_bias,
                        std::string_view hidden_units) {
    constexpr auto kOp = "ratings_predict";
    const RatedArguments cases{crow, items};
    const RatedArguments query{query_crow, query_items, "query_crow", "query_items"};
    const RatingsModelArguments arguments{weight, &visible_bias, hidden_bias, hidden_units};
    const auto model = checked(kOp, cases, levels, arguments);
    checks::ratings_query(kOp, cases, query, weight);
    checks::rated_values(kOp, query, weight);
    return model->predict(model->hidden_field(levels), reference::Rated(query))
        .to(weight.scalar_type());
  }

  static std::tuple<Tensor, Tensor> gibbs(const Tensor& crow, const Tensor& items,
                                          const Tensor& levels, const Tensor& weight,
                                          const Tensor& visible_bias, const Tensor& hidden_bias,
                                          int64_t steps, std::string_view hidden_units,
                                          const Tensor& key) {
    constexpr auto kOp = "ratings_gibbs";
    const RatingsModelArguments arguments{weight, &visible_bias, hidden_bias, hidden_units};
    const auto model = checked(kOp, {crow, items}, levels, arguments);
    checks::steps_count(kOp, steps);
    checks::key(kOp, key, weight.device());
    const auto [moved, hidden] =
        chain(*model, levels, model->hidden_field(levels), steps, /*mean_visible=*/false, key);
    return {moved, hidden.to(weight.scalar_type())};
  }

  static std::tuple<Tensor, Tensor, Tensor, Tensor> contrastive_divergence(
      const Tensor& crow, const Tensor& items, const Tensor& levels, const Tensor& weight,
      const Tensor& visible_bias, const Tensor& hidden_bias, int64_t steps,
      std::string_view hidden_units, bool sampled_hidden, bool mean_visible, const Tensor& key) {
    constexpr auto kOp = "ratings_contrastive_divergence";
    const RatingsModelArguments arguments{weight, &visible_bias, hidden_bias, hidden_units};
    const auto model = checked(kOp, {crow, items}, levels, arguments);
    checks::steps_count(kOp, steps);
    checks::key(kOp, key, weight.device());
    // The positive phase draws the same numbers as the first step of the chain.
    const auto hidden_statistics = [&](const Tensor& field, int64_t step) {
      return sampled_hidden
                 ? reference::sample(model->hidden(), field, {key, step, random::Layer::hidden})
                 : model->hidden().mean(field);
    };
    const Tensor field = model->hidden_field(levels);
    const Tensor moved = std::get<0>(chain(*model, levels, field, steps, mean_visible, key));
    const Tensor positive = hidden_statistics(field, 0);
    const Tensor negative = hidden_statistics(model->hidden_field(moved), steps);
    const auto sums = model->statistics({moved, negative}, {levels, positive});
    const double scale = 1.0 / static_cast<double>(std::max<int64_t>(crow.size(0) - 1, 1));
    const Tensor difference = negative - positive;
    const auto gradient = [&](const Tensor& sum) { return (sum * scale).to(weight.scalar_type()); };
    return {gradient(sums.weight), gradient(sums.visible_bias),
            gradient(hidden_bias.dim() == 1 ? difference.sum(0) : difference), moved};
  }

  static void register_all(torch::Library& m) {
    m.impl("ratings_hidden_mean", &hidden_mean);
    m.impl("ratings_visible_mean", &visible_mean);
    m.impl("ratings_free_energy", &free_energy);
    m.impl("ratings_predict", &predict);
    m.impl("ratings_gibbs.key", &gibbs);
    m.impl("ratings_contrastive_divergence.key", &contrastive_divergence);
  }

 private:
  static auto checked(const char* op, const RatedArguments& cases, const Tensor& levels,
                      const RatingsModelArguments& arguments) {
    checks::ratings(op, cases, levels, arguments);
    checks::rated_values(op, cases, arguments.weight);
    checks::level_values(op, levels, arguments.weight);
    return make_model(cases, arguments);
  }

  // The levels, or their probabilities, after so many steps, and the hidden states before them;
  // `field` is that of the hidden units given `levels`.
  static std::tuple<Tensor, Tensor> chain(const reference::RatingsModel& model,
                                          const Tensor& levels, const Tensor& field, int64_t steps,
                                          bool mean_visible, const Tensor& key) {
    using random::Layer;
    const auto sample_hidden = [&](const Tensor& hidden_field, int64_t step) {
      return reference::sample(model.hidden(), hidden_field, {key, step, Layer::hidden});
    };
    // A functional operator must not return its own argument.
    Tensor visible = levels.clone(at::MemoryFormat::Contiguous);
    Tensor hidden = sample_hidden(field, 0);
    for (int64_t step = 0; step < steps; ++step) {
      if (step > 0) {
        hidden = sample_hidden(model.hidden_field(visible), step);
      }
      visible = mean_visible ? model.level_probabilities(hidden)
                             : model.sample_levels(hidden, {key, step, Layer::visible});
    }
    return {visible, hidden};
  }
};

}  // namespace torch_rbm
