// Block Gibbs sampling as an ATen formula.
#include "ops/checks.h"
#include "reference/formulas.h"
#include "units/specification.h"

#include <ATen/ops/where.h>
#include <torch/library.h>

namespace torch_rbm::reference {

Chain gibbs(const Tensor& visible, const Model& model, int64_t steps,
            const std::optional<Tensor>& clamp, bool mean_visible, const Tensor& key) {
  using random::Layer;
  const Tensor start = accumulated(visible, model.weight);
  const auto sample_hidden = [&](const Tensor& states, int64_t step) {
    return sample(*model.hidden, model.hidden_field(states), {key, step, Layer::hidden});
  };
  // A functional operator must not return its own argument.
  Chain chain{start.clone(at::MemoryFormat::Contiguous), sample_hidden(start, 0)};
  for (int64_t step = 0; step < steps; ++step) {
    if (step > 0) {
      chain.hidden = sample_hidden(chain.visible, step);
    }
    const Tensor field = model.visible_field(chain.hidden);
    chain.visible = mean_visible ? model.visible->mean(field)
                                 : sample(*model.visible, field, {key, step, Layer::visible});
    if (clamp) {
      chain.visible = at::where(*clamp, start, chain.visible);
    }
  }
  return chain;
}

Tensor without_missing(const Tensor& states, const std::optional<Tensor>& observed) {
  return observed ? at::where(*observed, states, 0) : states;
}

namespace {

std::tuple<Tensor, Tensor> gibbs_kernel(const Tensor& visible, const Tensor& weight,
                                        const Tensor& visible_bias, const Tensor& hidden_bias,
                                        int64_t steps, std::string_view visible_units,
                                        std::string_view hidden_units,
                                        const std::optional<Tensor>& visible_precision,
                                        const std::optional<Tensor>& hidden_precision,
                                        const std::optional<Tensor>& clamp, const Tensor& key) {
  constexpr auto kOp = "gibbs";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::gibbs(kOp, visible, model, steps, clamp);
  checks::key(kOp, key, weight.device());
  const Chain chain = gibbs(visible, Model(model), steps, clamp, /*mean_visible=*/false, key);
  return {chain.visible.to(visible.scalar_type()),
          chain.hidden.to(units::sample_dtype(visible, hidden_units, weight))};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("gibbs.key", &gibbs_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("gibbs.key", &gibbs_kernel);
}

}  // namespace torch_rbm::reference
