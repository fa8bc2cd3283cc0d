// The model of ratings as ATen formulas, after Salakhutdinov, Mnih and Hinton (2007).
#include "reference/ratings.h"

#include "ops/ratings_kernels.h"
#include "reference/model.h"
#include <torch_rbm/ops.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/diff.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <optional>

namespace torch_rbm::reference {

// Sizes may be symbolic: PyTorch traces the formulas where a derivative is asked for.
Rated::Rated(const RatedArguments& arguments)
    : crow(arguments.crow),
      items(arguments.items),
      rows(at::repeat_interleave_symint(
          at::arange(arguments.crow.sym_size(0) - 1, arguments.crow.options()),
          at::diff(arguments.crow), /*dim=*/0, /*output_size=*/arguments.items.sym_size(0))),
      cases(arguments.crow.sym_size(0) - 1) {}

RatingsModel::RatingsModel(const RatedArguments& cases, const RatingsModelArguments& arguments)
    : rated_(cases),
      weight_(accumulated(arguments.weight, arguments.weight)),
      visible_bias_(arguments.visible_bias == nullptr
                        ? Tensor()
                        : accumulated(*arguments.visible_bias, arguments.weight)),
      hidden_bias_(accumulated(arguments.hidden_bias, arguments.weight)),
      hidden_(make_layer(arguments.hidden_units,
                         arguments.weight.sym_size(2).guard_int(__FILE__, __LINE__),
                         std::nullopt)) {}

Tensor RatingsModel::level_index(const Tensor& levels) const {
  return rated_.items * weight_.sym_size(1) + levels;
}

Tensor RatingsModel::hidden_field(const Tensor& visible) const {
  const Tensor rows =
      visible.dim() == 1
          ? weight_.flatten(0, 1).index_select(0, level_index(visible))
          : at::bmm(visible.unsqueeze(1), weight_.index_select(0, rated_.items)).squeeze(1);
  return hidden_bias_.expand_symint({rated_.cases, weight_.sym_size(2)})
      .index_add(0, rated_.rows, rows);
}

Tensor RatingsModel::level_probabilities(const Tensor& hidden_states) const {
  const Tensor states = hidden_states.index_select(0, rated_.rows).unsqueeze(2);
  const Tensor products = at::bmm(weight_.index_select(0, rated_.items), states).squeeze(2);
  return at::softmax(products + visible_bias_.index_select(0, rated_.items), 1);
}

Tensor RatingsModel::uniforms(const random::Stream& stream) const {
  return torch_rbm::uniform(stream.key, 1, rated_.items.size(0), stream.step,
                            static_cast<int64_t>(stream.layer))
      .squeeze(0);
}

Tensor RatingsModel::sample_levels(const Tensor& hidden_states,
                                   const random::Stream& stream) const {
  const Tensor probabilities = level_probabilities(hidden_states);
  // Rounding may leave the sum of all below 1: the last level takes the rest.
  const Tensor below = probabilities.narrow(1, 0, probabilities.size(1) - 1).cumsum(1);
  const Tensor u = uniforms(stream).to(probabilities.scalar_type());
  return (u.unsqueeze(1) >= below).sum(1);
}

Tensor RatingsModel::predict(const Tensor& field, const Rated& query) const {
  const Tensor fields =
      field.index_select(0, query.rows).unsqueeze(1) + weight_.index_select(0, query.items);
  // Sums over many hidden units whose differences decide.
  const Tensor cumulant = hidden_->cumulant(fields.to(at::kDouble));
  return at::softmax(cumulant + visible_bias_.index_select(0, query.items), 1);
}

RatingsStatistics RatingsModel::statistics(const RatingsPhase& first,
                                           const RatingsPhase& second) const {
  RatingsStatistics sums{at::zeros_like(weight_), at::zeros_like(visible_bias_)};
  const auto add = [&](const RatingsPhase& phase, double sign) {
    const Tensor hidden_rows = phase.hidden.index_select(0, rated_.rows) * sign;
    if (phase.visible.dim() == 1) {
      const Tensor index = level_index(phase.visible);
      sums.weight.flatten(0, 1).index_add_(0, index, hidden_rows);
      sums.visible_bias.flatten().index_add_(0, index,
                                             at::ones_like(index, visible_bias_.options()) * sign);
    } else {
      sums.weight.index_add_(0, rated_.items,
                             phase.visible.unsqueeze(2) * hidden_rows.unsqueeze(1));
      sums.visible_bias.index_add_(0, rated_.items, phase.visible * sign);
    }
  };
  add(first, 1);
  add(second, -1);
  return sums;
}

Tensor RatingsModel::free_energy(const Tensor& levels) const {
  const Tensor biases = visible_bias_.flatten().index_select(0, level_index(levels));
  return -hidden_->cumulant(hidden_field(levels)).index_add(0, rated_.rows, biases);
}

std::unique_ptr<RatingsModel> make_ratings_model(const RatedArguments& cases,
                                                 const RatingsModelArguments& arguments) {
  return std::make_unique<RatingsModel>(cases, arguments);
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  RatingsKernels<&make_ratings_model>::register_all(m);
}

}  // namespace torch_rbm::reference
