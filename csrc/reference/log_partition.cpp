// log Z and the model's moments: by enumeration of the smaller layer, in blocks of states, or in
// closed form for two layers of Gaussian units.
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/diag.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace torch_rbm::reference {

namespace {

// The layer that is enumerated, and the other one, which is summed out in closed form.
struct Enumeration {
  bool hidden;
  units::Layer units;
  units::Layer other_units;
  Tensor weight;  // [other, enumerated]
  Tensor bias;
  Tensor other_bias;
};

Enumeration choose(const Model& model) {
  const Tensor weight = model.weight.to(at::kDouble);
  const Tensor visible_bias = model.visible_bias.to(at::kDouble);
  const Tensor hidden_bias = model.hidden_bias.to(at::kDouble);
  if (model.hidden->log2_states() <= model.visible->log2_states()) {
    return {true, model.hidden, model.visible, weight.t(), hidden_bias, visible_bias};
  }
  return {false, model.visible, model.hidden, weight, visible_bias, hidden_bias};
}

// A block of states s, the fields they cause in the other layer, and log Σ_other exp(-E).
struct Block {
  Tensor states;
  Tensor other_field;
  Tensor log_weight;
};

template <typename Visit>
void for_each_block(const Enumeration& side, const Visit& visit) {
  constexpr int64_t kBlockElements = int64_t{1} << 17;  // stays in a core's cache
  const int64_t size = side.weight.size(1);
  const auto total = static_cast<int64_t>(std::llround(std::exp2(side.units->log2_states())));
  const auto width = std::max({side.weight.size(0), size, int64_t{1}});
  const auto block_size = std::max(kBlockElements / width, int64_t{1});
  for (int64_t first = 0; first < total; first += block_size) {
    Block block;
    block.states =
        side.units->states(first, std::min(block_size, total - first), side.weight.device());
    block.other_field = at::linear(block.states, side.weight, side.other_bias);
    block.log_weight =
        side.other_units->cumulant(block.other_field) + at::matmul(block.states, side.bias);
    visit(block);
  }
}

// Of exp(-½ sᵀ Λ s + fᵀ s) with s = (v, h), f = (b, c) and Λ the precision matrix of both layers.
Tensor gaussian_log_partition(const char* op, const Model& model) {
  const Tensor weight = model.weight.to(at::kDouble);
  const Tensor precision =
      at::cat({at::cat({at::diag(model.visible->precision().to(weight.options())), -weight.t()}, 1),
               at::cat({-weight, at::diag(model.hidden->precision().to(weight.options()))}, 1)});
  const Tensor bias = at::cat({model.visible_bias, model.hidden_bias}).to(at::kDouble).unsqueeze(1);
  const auto [factor, failed] = at::linalg_cholesky_ex(precision);
  if (failed.item<int>() != 0) {
    checks::value_error(op,
                        "expected weights small enough for a normalisable density, got a precision "
                        "matrix of both layers, [[diag(visible_precision), -Wᵀ], [-W, "
                        "diag(hidden_precision)]], that is not positive definite");
  }
  const Tensor solved = at::linalg_solve_triangular(factor, bias, /*upper=*/false);
  return solved.square().sum() / 2 - factor.diagonal().log().sum() +
         static_cast<double>(bias.size(0)) * std::log(2 * std::numbers::pi) / 2;
}

}  // namespace

void check_can_enumerate(const char* op, const Model& model) {
  constexpr double kMaxLog2States = 25;
  const double log2_states = std::min(model.visible->log2_states(), model.hidden->log2_states());
  if (log2_states > kMaxLog2States) {
    checks::value_error(
        op,
        "expected a layer of bernoulli, spin or categorical units with at most "
        "2^{} states to enumerate, or two layers of gaussian units, got weight of "
        "shape [{}, {}]; annealed_importance_sampling estimates log Z of it, in Python "
        "torch_rbm.log_partition(rbm, method=\"ais\")",
        kMaxLog2States, model.weight.size(0), model.weight.size(1));
  }
}

Tensor log_partition(const char* op, const Model& model) {
  if (model.visible->is_gaussian() && model.hidden->is_gaussian()) {
    return gaussian_log_partition(op, model);
  }
  check_can_enumerate(op, model);
  // One running sum: small results kept among freed blocks would keep the allocator from reusing
  // them.
  Tensor log_z;
  for_each_block(choose(model), [&](const Block& block) {
    const Tensor sum = block.log_weight.logsumexp(0);
    log_z = log_z.defined() ? at::logaddexp(log_z, sum) : sum;
  });
  return log_z;
}

Moments moments(const Model& model, const Tensor& log_partition) {
  const Enumeration side = choose(model);
  Tensor weight;
  Tensor bias;
  Tensor other_bias;
  const auto add = [](Tensor& sum, const Tensor& term) { sum = sum.defined() ? sum + term : term; };
  for_each_block(side, [&](const Block& block) {
    const Tensor probability = (block.log_weight - log_partition).exp();
    const Tensor other_mean = side.other_units->mean(block.other_field);
    add(weight, at::matmul(other_mean.t(), probability.unsqueeze(1) * block.states));
    add(bias, at::matmul(probability, block.states));
    add(other_bias, at::matmul(probability, other_mean));
  });
  if (side.hidden) {
    return {weight.t(), other_bias, bias};
  }
  return {weight, bias, other_bias};
}

namespace {

Tensor log_partition_kernel(const Tensor& weight, const Tensor& visible_bias,
                            const Tensor& hidden_bias, std::string_view visible_units,
                            std::string_view hidden_units,
                            const std::optional<Tensor>& visible_precision,
                            const std::optional<Tensor>& hidden_precision) {
  constexpr auto kOp = "log_partition";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::log_partition(kOp, model);
  return log_partition(kOp, Model(model));
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("log_partition", &log_partition_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("log_partition", &log_partition_kernel);
}

}  // namespace torch_rbm::reference
