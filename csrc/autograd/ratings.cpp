// The differentiable operators of ratings: as ATen formulas where a derivative is asked for. The
// gradient for training comes from ratings_contrastive_divergence, which is no part of this.
#include "reference/ratings.h"

#include "autograd/reference_path.h"
#include "ops/ratings_kernels.h"
#include <torch_rbm/ratings.h>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <torch/library.h>

#include <algorithm>
#include <initializer_list>

namespace torch_rbm::autograd {

namespace {

using Formulas = RatingsKernels<&reference::make_ratings_model>;

bool differentiated(std::initializer_list<Tensor> inputs) {
  return needs_reference(inputs, {}) ||
         (at::GradMode::is_enabled() &&
          std::ranges::any_of(inputs, [](const Tensor& input) { return input.requires_grad(); }));
}

Tensor hidden_mean(const Tensor& crow, const Tensor& items, const Tensor& levels,
                   const Tensor& weight, const Tensor& hidden_bias, std::string_view hidden_units) {
  if (differentiated({weight, hidden_bias})) {
    return Formulas::hidden_mean(crow, items, levels, weight, hidden_bias, hidden_units);
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return ratings_hidden_mean({{crow, items}, levels}, weight, hidden_bias, hidden_units);
}

Tensor visible_mean(const Tensor& crow, const Tensor& items, const Tensor& hidden,
                    const Tensor& weight, const Tensor& visible_bias) {
  if (differentiated({hidden, weight, visible_bias})) {
    return Formulas::visible_mean(crow, items, hidden, weight, visible_bias);
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return ratings_visible_mean({crow, items}, hidden, weight, visible_bias);
}

Tensor free_energy(const Tensor& crow, const Tensor& items, const Tensor& levels,
                   const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                   std::string_view hidden_units) {
  if (differentiated({weight, visible_bias, hidden_bias})) {
    return Formulas::free_energy(crow, items, levels, weight, visible_bias, hidden_bias,
                                 hidden_units);
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return ratings_free_energy({{crow, items}, levels}, weight, visible_bias, hidden_bias,
                             hidden_units);
}

Tensor predict(const Tensor& crow, const Tensor& items, const Tensor& levels,
               const Tensor& query_crow, const Tensor& query_items, const Tensor& weight,
               const Tensor& visible_bias, const Tensor& hidden_bias,
               std::string_view hidden_units) {
  if (differentiated({weight, visible_bias, hidden_bias})) {
    return Formulas::predict(crow, items, levels, query_crow, query_items, weight, visible_bias,
                             hidden_bias, hidden_units);
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return ratings_predict({{crow, items}, levels}, {query_crow, query_items}, weight, visible_bias,
                         hidden_bias, hidden_units);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Autograd, m) {
  m.impl("ratings_hidden_mean", &hidden_mean);
  m.impl("ratings_visible_mean", &visible_mean);
  m.impl("ratings_free_energy", &free_energy);
  m.impl("ratings_predict", &predict);
}

}  // namespace torch_rbm::autograd
