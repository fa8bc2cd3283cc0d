// The CD-k gradient estimate as an ATen formula.
#include "ops/checks.h"
#include "ops/transforms.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <torch/library.h>

namespace torch_rbm::reference {

namespace {

// The mean over the rows of one phase of ∂F/∂θ, up to the sign: ⟨hᵀv⟩, ⟨v⟩, ⟨h⟩.
struct Phase {
  Tensor weight;
  Tensor visible_bias;
  Tensor hidden_bias;
};

Phase phase(const Tensor& visible, const Tensor& hidden) {
  const double scale = 1.0 / static_cast<double>(std::max<int64_t>(visible.size(0), 1));
  return {at::mm(hidden.t(), visible) * scale, visible.sum(0) * scale, hidden.sum(0) * scale};
}

// Gradients come back in the memory order of their parameter.
Tensor like_parameter(const Tensor& gradient, const Tensor& parameter, at::ScalarType dtype) {
  if (!transforms::is_mapped()) {
    return at::empty_like(parameter, parameter.options().dtype(dtype)).copy_(gradient);
  }
  // vmap cannot map over what is written in place.
  const Tensor converted = gradient.to(dtype);
  const bool is_transposed = parameter.dim() == 2 && parameter.stride(0) < parameter.stride(1);
  return is_transposed ? converted.t().contiguous().t() : converted.contiguous();
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> contrastive_divergence(
    const Tensor& data, const Tensor& chain, const Model& model, at::ScalarType dtype,
    int64_t steps, const std::optional<Tensor>& observed, bool sampled_hidden, bool mean_visible,
    const Tensor& key) {
  // The positive phase draws the same numbers as the first step of the chain, so that for CD-k its
  // hidden sample is the one that starts the chain.
  const auto hidden_statistics = [&](const Tensor& states, int64_t step) {
    const Tensor field = model.hidden_field(states);
    return sampled_hidden ? sample(*model.hidden, field, {key, step, random::Layer::hidden})
                          : model.hidden->mean(field);
  };
  const auto rows = [&](const Tensor& states) {
    return as_rows(without_missing(accumulated(states, model.weight), observed));
  };
  const Tensor data_rows = rows(data);
  const Tensor chain_rows = rows(chain);
  // Missing units are kept at the 0 that they were given.
  const std::optional<Tensor> missing =
      observed ? std::optional(as_rows(observed->expand(chain.sizes())).logical_not())
               : std::nullopt;
  // A functional operator must not return its own argument.
  const Tensor moved = steps == 0
                           ? chain_rows.clone(at::MemoryFormat::Contiguous)
                           : gibbs(chain_rows, model, steps, missing, mean_visible, key).visible;
  const Tensor chain_out = moved.to(chain.scalar_type()).reshape(chain.sizes());
  const Phase positive = phase(data_rows, hidden_statistics(data_rows, 0));
  const Phase negative = phase(moved, hidden_statistics(moved, steps));
  return {like_parameter(negative.weight - positive.weight, model.weight, dtype),
          like_parameter(negative.visible_bias - positive.visible_bias, model.visible_bias, dtype),
          like_parameter(negative.hidden_bias - positive.hidden_bias, model.hidden_bias, dtype),
          like_parameter(positive.visible_bias, model.visible_bias, dtype),
          like_parameter(positive.hidden_bias, model.hidden_bias, dtype),
          chain.layout() == at::kSparseCsr ? chain_out.to_sparse_csr() : chain_out};
}

namespace {

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> contrastive_divergence_kernel(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps, std::string_view visible_units,
    std::string_view hidden_units, const std::optional<Tensor>& visible_precision,
    const std::optional<Tensor>& hidden_precision, const std::optional<Tensor>& observed,
    bool sampled_hidden, bool mean_visible, const Tensor& key) {
  constexpr auto kOp = "contrastive_divergence";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::contrastive_divergence(kOp, data, chain, model, steps, observed, mean_visible);
  checks::key(kOp, key, weight.device());
  return contrastive_divergence(data, chain, Model(model), weight.scalar_type(), steps, observed,
                                sampled_hidden, mean_visible, key);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("contrastive_divergence_with_means.key", &contrastive_divergence_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("contrastive_divergence_with_means.key", &contrastive_divergence_kernel);
}

}  // namespace torch_rbm::reference
