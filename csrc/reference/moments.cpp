// moments as ATen formulas.
#include "ops/checks.h"
#include "reference/enumeration.h"
#include "reference/formulas.h"
#include "reference/joint_gaussian.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/outer.h>
#include <torch/library.h>

namespace torch_rbm::reference {

namespace {

using Moments = std::tuple<Tensor, Tensor, Tensor, Tensor>;

Moments gaussian_moments(const char* op, const Model& model) {
  const JointGaussian joint(op, model);
  const int64_t visible = model.weight.size(1);
  const int64_t hidden = model.weight.size(0);
  const Tensor joint_covariance = joint.covariance();
  const Tensor mean = joint.mean(joint_covariance);
  const Tensor visible_mean = mean.narrow(0, 0, visible);
  const Tensor hidden_mean = mean.narrow(0, visible, hidden);
  const Tensor covariance = joint_covariance.narrow(0, visible, hidden).narrow(1, 0, visible);
  return {joint.log_partition(), covariance + at::outer(hidden_mean, visible_mean), visible_mean,
          hidden_mean};
}

}  // namespace

Moments moments(const char* op, const Model& model) {
  if (model.visible->is_gaussian() && model.hidden->is_gaussian()) {
    return gaussian_moments(op, model);
  }
  const Tensor log_z = log_partition(op, model);
  const Enumeration enumeration(model);
  Tensor weight;
  Tensor bias;
  Tensor other_bias;
  const auto add = [](Tensor& sum, const Tensor& term) { sum = sum.defined() ? sum + term : term; };
  enumeration.for_each_block([&](const Enumeration::Block& block) {
    const Tensor probability = (block.log_weight - log_z).exp();
    const Tensor other_mean = enumeration.other_units().mean(block.other_field);
    add(weight, at::matmul(other_mean.t(), probability.unsqueeze(1) * block.states));
    add(bias, at::matmul(probability, block.states));
    add(other_bias, at::matmul(probability, other_mean));
  });
  if (enumeration.hidden()) {
    return {log_z, weight.t().contiguous(), other_bias, bias};
  }
  return {log_z, weight, bias, other_bias};
}

namespace {

Moments moments_kernel(const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                       std::string_view visible_units, std::string_view hidden_units,
                       const std::optional<Tensor>& visible_precision,
                       const std::optional<Tensor>& hidden_precision) {
  constexpr auto kOp = "moments";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::log_partition(kOp, model);
  return moments(kOp, Model(model));
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("moments", &moments_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("moments", &moments_kernel);
}

}  // namespace torch_rbm::reference
