// Annealed importance sampling as an ATen formula (Neal 2001; Salakhutdinov and Murray 2008).
//
// The path between the base model, β = 0, and the model, β = 1, multiplies every bias and weight by
// β, and the base's visible bias by 1 - β:
//   log f_β(v) = ((1 - β) b₀ + β b)ᵀv - Σ u(v) + Σ Γ(β x),   x = c + Wv.
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

namespace torch_rbm::reference {

std::tuple<Tensor, Tensor> annealed_importance_sampling(const Tensor& chain, const Model& model,
                                                        const Tensor& base_visible_bias,
                                                        const Tensor& betas, const Tensor& key) {
  using random::Layer;
  const Tensor bias_difference = (model.visible_bias - base_visible_bias).to(at::kDouble);

  Tensor visible = accumulated(chain, model.weight).clone(at::MemoryFormat::Contiguous);
  Tensor log_weight = at::zeros(chain.sizes().slice(0, chain.sizes().size() - 1),
                                chain.options().dtype(at::kDouble));
  for (int64_t step = 0; step + 1 < betas.size(0); ++step) {
    const Tensor beta = betas[step];
    const Tensor next = betas[step + 1];
    const Tensor field = model.hidden_field(visible);
    // The two cumulants nearly cancel, thousands of times over: their difference needs float64.
    const Tensor wide_field = field.to(at::kDouble);
    log_weight = log_weight + (next - beta) * at::matmul(visible.to(at::kDouble), bias_difference) +
                 model.hidden->cumulant(next * wide_field) -
                 model.hidden->cumulant(beta * wide_field);
    if (step + 2 == betas.size(0)) {
      break;  // nothing looks at the states after the last weight
    }
    const Tensor scale = next.to(field.scalar_type());
    const Tensor hidden = sample(*model.hidden, scale * field, {key, step, Layer::hidden});
    visible = sample(*model.visible,
                     (1 - scale) * base_visible_bias + scale * model.visible_field(hidden),
                     {key, step, Layer::visible});
  }
  return {log_weight, visible};
}

namespace {

std::tuple<Tensor, Tensor> annealed_importance_sampling_kernel(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    std::string_view visible_units, std::string_view hidden_units,
    const std::optional<Tensor>& visible_precision, const std::optional<Tensor>& hidden_precision,
    const Tensor& key) {
  constexpr auto kOp = "annealed_importance_sampling";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::annealed_importance_sampling(kOp, chain, model, base_visible_bias, betas);
  checks::key(kOp, key, weight.device());
  const auto [log_weight, visible] = annealed_importance_sampling(
      chain, Model(model), accumulated(base_visible_bias, weight), betas, key);
  return {log_weight, visible.to(chain.scalar_type())};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("annealed_importance_sampling.key", &annealed_importance_sampling_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("annealed_importance_sampling.key", &annealed_importance_sampling_kernel);
}

}  // namespace torch_rbm::reference
