// The operators of ratings as C++ functions, and their generator overloads, which only draw a key.
#include "ops/ratings.h"

#include "ops/check_parts.h"
#include "ops/sampler.h"
#include "random/key.h"
#include <torch_rbm/ratings.h>

#include <torch/library.h>

#include <utility>

namespace torch_rbm {

namespace {

const Sampler<signatures::RatingsGibbs>& gibbs_sampler() {
  static const Sampler<signatures::RatingsGibbs> op("ratings_gibbs");
  return op;
}

const Sampler<signatures::RatingsContrastiveDivergence>& divergence_sampler() {
  static const Sampler<signatures::RatingsContrastiveDivergence> op(
      "ratings_contrastive_divergence");
  return op;
}

std::tuple<Tensor, Tensor> gibbs_from_generator(const Tensor& crow, const Tensor& items,
                                                const Tensor& levels, const Tensor& weight,
                                                const Tensor& visible_bias,
                                                const Tensor& hidden_bias, int64_t steps,
                                                std::string_view hidden_units,
                                                signatures::Generator generator) {
  constexpr auto kOp = "ratings_gibbs";
  checks::ratings(kOp, {crow, items}, levels, {weight, &visible_bias, hidden_bias, hidden_units});
  checks::steps_count(kOp, steps);
  return gibbs_sampler()({.key = random::draw_key(generator, weight.device())}, crow, items, levels,
                         weight, visible_bias, hidden_bias, steps, hidden_units);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> divergence_from_generator(
    const Tensor& crow, const Tensor& items, const Tensor& levels, const Tensor& weight,
    const Tensor& visible_bias, const Tensor& hidden_bias, int64_t steps,
    std::string_view hidden_units, bool sampled_hidden, bool mean_visible,
    signatures::Generator generator) {
  constexpr auto kOp = "ratings_contrastive_divergence";
  checks::ratings(kOp, {crow, items}, levels, {weight, &visible_bias, hidden_bias, hidden_units});
  checks::steps_count(kOp, steps);
  return divergence_sampler()({.key = random::draw_key(generator, weight.device())}, crow, items,
                              levels, weight, visible_bias, hidden_bias, steps, hidden_units,
                              sampled_hidden, mean_visible);
}

}  // namespace

Tensor ratings_hidden_mean(const Ratings& ratings, const Tensor& weight, const Tensor& hidden_bias,
                           std::string_view hidden_units) {
  static const auto op =
      find_operator<signatures::RatingsHiddenMean>("torch_rbm::ratings_hidden_mean");
  return op.call(ratings.rated.crow, ratings.rated.items, ratings.levels, weight, hidden_bias,
                 hidden_units);
}

Tensor ratings_visible_mean(const Rated& rated, const Tensor& hidden, const Tensor& weight,
                            const Tensor& visible_bias) {
  static const auto op =
      find_operator<signatures::RatingsVisibleMean>("torch_rbm::ratings_visible_mean");
  return op.call(rated.crow, rated.items, hidden, weight, visible_bias);
}

Tensor ratings_free_energy(const Ratings& ratings, const Tensor& weight, const Tensor& visible_bias,
                           const Tensor& hidden_bias, std::string_view hidden_units) {
  static const auto op =
      find_operator<signatures::RatingsFreeEnergy>("torch_rbm::ratings_free_energy");
  return op.call(ratings.rated.crow, ratings.rated.items, ratings.levels, weight, visible_bias,
                 hidden_bias, hidden_units);
}

Tensor ratings_predict(const Ratings& ratings, const Rated& query, const Tensor& weight,
                       const Tensor& visible_bias, const Tensor& hidden_bias,
                       std::string_view hidden_units) {
  static const auto op = find_operator<signatures::RatingsPredict>("torch_rbm::ratings_predict");
  return op.call(ratings.rated.crow, ratings.rated.items, ratings.levels, query.crow, query.items,
                 weight, visible_bias, hidden_bias, hidden_units);
}

RatingsGibbs ratings_gibbs(const Ratings& ratings, const Tensor& weight, const Tensor& visible_bias,
                           const Tensor& hidden_bias, int64_t steps, std::string_view hidden_units,
                           const Random& random) {
  auto [levels, hidden] =
      gibbs_sampler()(random, ratings.rated.crow, ratings.rated.items, ratings.levels, weight,
                      visible_bias, hidden_bias, steps, hidden_units);
  return {std::move(levels), std::move(hidden)};
}

ContrastiveDivergence ratings_contrastive_divergence(
    const Ratings& ratings, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps, const RatingsContrastiveDivergenceOptions& options) {
  auto [grad_weight, grad_visible_bias, grad_hidden_bias, chain] = divergence_sampler()(
      options.random, ratings.rated.crow, ratings.rated.items, ratings.levels, weight, visible_bias,
      hidden_bias, steps, options.hidden_units, options.sampled_hidden, options.mean_visible);
  return {std::move(grad_weight), std::move(grad_visible_bias), std::move(grad_hidden_bias),
          std::move(chain)};
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("ratings_gibbs", &gibbs_from_generator);
  m.impl("ratings_contrastive_divergence", &divergence_from_generator);
}

namespace {

// Elsewhere vmap would call the sampler for one element after the other, with a warning, whatever
// its argument `randomness` says.
void refuse_vmap(const c10::OperatorHandle& op, torch::jit::Stack* /*stack*/) {
  checks::value_error(op.schema().name().substr(std::string_view("torch_rbm::").size()).c_str(),
                      "expected no vmap; put all cases into one batch");
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  for (const char* name : {"ratings_gibbs", "ratings_gibbs.key", "ratings_contrastive_divergence",
                           "ratings_contrastive_divergence.key"}) {
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&refuse_vmap>());
  }
}

}  // namespace torch_rbm
