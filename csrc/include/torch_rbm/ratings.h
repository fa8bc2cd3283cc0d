// The operators of a restricted Boltzmann machine of ratings (Salakhutdinov, Mnih and Hinton 2007)
// as C++ functions.
//
// A case, such as a user, has rated some items; its rating of an item is one of so many levels. The
// visible units are one softmax unit per rated item, items that are not rated are no part of the
// model of the case, and all cases share the parameters:
//
//     E(levels, h) = -Σ_i (b[i, level_i] + h·W[i, level_i]) + Σ_j (u(h_j) - c_j h_j)
//
// Shapes: `weight` is [items, levels, hidden], `visible_bias` [items, levels], `hidden_bias`
// [hidden], or [cases, hidden] where each case has its own. Ratings are in compressed sparse row
// layout. Sums are over a case's ratings alone: what is computed of a case does not depend on which
// others are there. Bad arguments throw c10::ValueError or c10::TypeError.
#pragma once

#include <torch_rbm/ops.h>

namespace torch_rbm {

/// Which items each case has rated.
struct Rated {
  /// int64 [cases + 1]: case i has ratings number crow[i] to crow[i + 1].
  Tensor crow;
  /// int64 [ratings].
  Tensor items;
};

/// Ratings of cases: int64 `levels` [ratings], from 0 to the number of levels minus 1.
struct Ratings {
  Rated rated;
  Tensor levels;
};

struct RatingsGibbs {
  /// int64 [ratings].
  Tensor levels;
  /// [cases, hidden].
  Tensor hidden;
};

struct RatingsContrastiveDivergenceOptions {
  std::string_view hidden_units = "bernoulli";
  /// Use sampled hidden states in both phases instead of their means.
  bool sampled_hidden = false;
  /// Use the probabilities of the levels instead of samples in every step of the chain.
  bool mean_visible = false;
  Random random = {};
};

/// E[h | ratings], [cases, hidden].
[[nodiscard]] TORCH_RBM_API Tensor ratings_hidden_mean(const Ratings& ratings, const Tensor& weight,
                                                       const Tensor& hidden_bias,
                                                       std::string_view hidden_units = "bernoulli");

/// p(level | h) of each item that a case has, [ratings, levels], given hidden states [cases,
/// hidden].
[[nodiscard]] TORCH_RBM_API Tensor ratings_visible_mean(const Rated& rated, const Tensor& hidden,
                                                        const Tensor& weight,
                                                        const Tensor& visible_bias);

/// F of the ratings of each case, -log Σ_h exp(-E), [cases].
[[nodiscard]] TORCH_RBM_API Tensor ratings_free_energy(const Ratings& ratings, const Tensor& weight,
                                                       const Tensor& visible_bias,
                                                       const Tensor& hidden_bias,
                                                       std::string_view hidden_units = "bernoulli");

/// The distribution of the rating that a case would give to an item, given its ratings, exactly:
/// p(level) ∝ exp(b[level]) Π_j exp(Γ(field_j + W[level, j])), [queries, levels]. `query` has as
/// many cases; an item that the case has rated already is taken to be rated once more.
[[nodiscard]] TORCH_RBM_API Tensor ratings_predict(const Ratings& ratings, const Rated& query,
                                                   const Tensor& weight, const Tensor& visible_bias,
                                                   const Tensor& hidden_bias,
                                                   std::string_view hidden_units = "bernoulli");

/// `steps` block Gibbs steps, ratings → hidden → ratings, of the same items; and the hidden states
/// that the ratings were drawn from, those given the ratings where `steps` is 0.
[[nodiscard]] TORCH_RBM_API RatingsGibbs ratings_gibbs(const Ratings& ratings, const Tensor& weight,
                                                       const Tensor& visible_bias,
                                                       const Tensor& hidden_bias, int64_t steps = 1,
                                                       std::string_view hidden_units = "bernoulli",
                                                       const Random& random = {});

/// The CD-k estimate of the gradient of the mean over cases of -log p(ratings); `chain` are levels
/// [ratings], or with `mean_visible` their probabilities, [ratings, levels].
[[nodiscard]] TORCH_RBM_API ContrastiveDivergence ratings_contrastive_divergence(
    const Ratings& ratings, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps = 1,
    const RatingsContrastiveDivergenceOptions& options = {});

}  // namespace torch_rbm
