// log Z and the model's moments by enumeration of the smaller layer, in blocks of states.
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>

namespace torch_rbm::reference {

namespace {

// The layer that is enumerated, and the other one, which is summed out in closed form.
struct Enumeration {
  bool hidden;
  const units::UnitType& units;
  const units::UnitType& other_units;
  Tensor weight;  // [other, enumerated]
  Tensor bias;
  Tensor other_bias;
};

Enumeration choose(const Model& model) {
  const Tensor weight = model.weight.to(at::kDouble);
  const Tensor visible_bias = model.visible_bias.to(at::kDouble);
  const Tensor hidden_bias = model.hidden_bias.to(at::kDouble);
  const double visible_states = model.visible.log2_states(weight.size(1));
  const double hidden_states = model.hidden.log2_states(weight.size(0));
  if (hidden_states <= visible_states) {
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
  const auto total = static_cast<int64_t>(std::exp2(side.units.log2_states(size)));
  const auto width = std::max({side.weight.size(0), size, int64_t{1}});
  const auto block_size = std::max(kBlockElements / width, int64_t{1});
  for (int64_t first = 0; first < total; first += block_size) {
    Block block;
    block.states =
        side.units.states(first, std::min(block_size, total - first), size, side.weight.device());
    block.other_field = at::linear(block.states, side.weight, side.other_bias);
    block.log_weight =
        side.other_units.cumulant(block.other_field).sum(1) + at::matmul(block.states, side.bias);
    visit(block);
  }
}

}  // namespace

void check_can_enumerate(const char* op, const Model& model) {
  constexpr double kMaxLog2States = 25;
  const double log2_states = std::min(model.visible.log2_states(model.weight.size(1)),
                                      model.hidden.log2_states(model.weight.size(0)));
  if (log2_states > kMaxLog2States) {
    checks::value_error(op,
                        "expected a layer with at most 2^{} states to enumerate, got weight of "
                        "shape [{}, {}]; annealed_importance_sampling estimates log Z of it",
                        kMaxLog2States, model.weight.size(0), model.weight.size(1));
  }
}

Tensor log_partition(const char* op, const Model& model) {
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
    const Tensor other_mean = side.other_units.mean(block.other_field);
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
                            std::string_view hidden_units) {
  constexpr auto kOp = "log_partition";
  checks::log_partition(kOp, weight, visible_bias, hidden_bias, visible_units, hidden_units);
  return log_partition(
      kOp, make_model(kOp, weight, visible_bias, hidden_bias, visible_units, hidden_units));
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("log_partition", &log_partition_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("log_partition", &log_partition_kernel);
}

}  // namespace torch_rbm::reference
