// log Z: by enumeration of the smaller layer, in blocks of states, or in closed form for two layers
// of Gaussian units.
#include "ops/checks.h"
#include "reference/enumeration.h"
#include "reference/formulas.h"
#include "reference/joint_gaussian.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/logaddexp.h>
#include <torch/library.h>

#include <algorithm>

namespace torch_rbm::reference {

void check_can_enumerate(const char* op, const Model& model) {
  constexpr double kMaxLog2States = 25;
  const double log2_states = std::min(model.visible->log2_states(), model.hidden->log2_states());
  if (log2_states > kMaxLog2States) {
    checks::value_error(
        op,
        "expected a layer of bernoulli, spin or categorical units with at most "
        "2^{} states to enumerate, or two layers of gaussian units, got weight of "
        "shape [{}, {}]; annealed importance sampling, method ais, estimates log Z of it",
        kMaxLog2States, model.weight.size(0), model.weight.size(1));
  }
}

Tensor log_partition(const char* op, const Model& model) {
  if (model.visible->is_gaussian() && model.hidden->is_gaussian()) {
    return JointGaussian(op, model).log_partition();
  }
  check_can_enumerate(op, model);
  // One running sum: small results kept among freed blocks would keep the allocator from reusing
  // them.
  Tensor log_z;
  const Enumeration enumeration(model);
  enumeration.for_each_block([&](const Enumeration::Block& block) {
    const Tensor sum = block.log_weight.logsumexp(0);
    log_z = log_z.defined() ? at::logaddexp(log_z, sum) : sum;
  });
  return log_z;
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
