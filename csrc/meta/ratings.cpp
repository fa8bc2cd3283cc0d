// Meta kernels of the operators of ratings: shapes only, without a look at what the indices are.
#include "ops/ratings.h"

#include "meta/random.h"
#include "ops/check_parts.h"
#include "ops/checks.h"
#include "ops/signatures.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

namespace torch_rbm::meta {

namespace {

using at::Tensor;

c10::SymInt cases(const Tensor& crow) {
  return crow.sym_size(0) - 1;
}

Tensor hidden_mean(const Tensor& crow, const Tensor& items, const Tensor& levels,
                   const Tensor& weight, const Tensor& hidden_bias, std::string_view hidden_units) {
  checks::ratings("ratings_hidden_mean", {crow, items}, levels,
                  {weight, nullptr, hidden_bias, hidden_units});
  return at::empty_symint({cases(crow), weight.sym_size(2)}, weight.options());
}

Tensor visible_mean(const Tensor& crow, const Tensor& items, const Tensor& hidden,
                    const Tensor& weight, const Tensor& visible_bias) {
  checks::ratings_visible_mean("ratings_visible_mean", {crow, items}, hidden, weight, visible_bias);
  return at::empty_symint({items.sym_size(0), weight.sym_size(1)}, weight.options());
}

Tensor free_energy(const Tensor& crow, const Tensor& items, const Tensor& levels,
                   const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                   std::string_view hidden_units) {
  checks::ratings("ratings_free_energy", {crow, items}, levels,
                  {weight, &visible_bias, hidden_bias, hidden_units});
  const auto dtype = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return at::empty_symint({cases(crow)}, weight.options().dtype(dtype));
}

Tensor predict(const Tensor& crow, const Tensor& items, const Tensor& levels,
               const Tensor& query_crow, const Tensor& query_items, const Tensor& weight,
               const Tensor& visible_bias, const Tensor& hidden_bias,
               std::string_view hidden_units) {
  constexpr auto kOp = "ratings_predict";
  checks::ratings(kOp, {crow, items}, levels, {weight, &visible_bias, hidden_bias, hidden_units});
  checks::ratings_query(kOp, {crow, items}, {query_crow, query_items, "query_crow", "query_items"},
                        weight);
  return at::empty_symint({query_items.sym_size(0), weight.sym_size(1)}, weight.options());
}

template <typename RandomSource>
std::tuple<Tensor, Tensor> gibbs(const Tensor& crow, const Tensor& items, const Tensor& levels,
                                 const Tensor& weight, const Tensor& visible_bias,
                                 const Tensor& hidden_bias, c10::SymInt steps,
                                 std::string_view hidden_units, RandomSource random) {
  constexpr auto kOp = "ratings_gibbs";
  checks::ratings(kOp, {crow, items}, levels, {weight, &visible_bias, hidden_bias, hidden_units});
  checks::steps_count(kOp, steps);
  check_random(kOp, random, weight);
  return {at::empty_like(levels),
          at::empty_symint({cases(crow), weight.sym_size(2)}, weight.options())};
}

template <typename RandomSource>
std::tuple<Tensor, Tensor, Tensor, Tensor> contrastive_divergence(
    const Tensor& crow, const Tensor& items, const Tensor& levels, const Tensor& weight,
    const Tensor& visible_bias, const Tensor& hidden_bias, c10::SymInt steps,
    std::string_view hidden_units, bool /*sampled_hidden*/, bool mean_visible,
    RandomSource random) {
  constexpr auto kOp = "ratings_contrastive_divergence";
  checks::ratings(kOp, {crow, items}, levels, {weight, &visible_bias, hidden_bias, hidden_units});
  checks::steps_count(kOp, steps);
  check_random(kOp, random, weight);
  const auto dtype = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return {at::empty_like(weight), at::empty_like(visible_bias), at::empty_like(hidden_bias),
          mean_visible && steps > 0 ? at::empty_symint({items.sym_size(0), weight.sym_size(1)},
                                                       weight.options().dtype(dtype))
                                    : at::empty_like(levels)};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Meta, m) {
  using signatures::Generator;
  m.impl("ratings_hidden_mean", &hidden_mean);
  m.impl("ratings_visible_mean", &visible_mean);
  m.impl("ratings_free_energy", &free_energy);
  m.impl("ratings_predict", &predict);
  m.impl("ratings_gibbs", &gibbs<Generator>);
  m.impl("ratings_gibbs.key", &gibbs<const Tensor&>);
  m.impl("ratings_contrastive_divergence", &contrastive_divergence<Generator>);
  m.impl("ratings_contrastive_divergence.key", &contrastive_divergence<const Tensor&>);
}

}  // namespace torch_rbm::meta
