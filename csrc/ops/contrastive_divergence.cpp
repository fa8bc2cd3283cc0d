// contrastive_divergence as a C++ function, and its generator overload, which only draws a key.
#include "ops/sampler.h"
#include "random/key.h"

#include <torch/library.h>

namespace torch_rbm {

namespace {

const Sampler<signatures::ContrastiveDivergence>& sampler() {
  static const Sampler<signatures::ContrastiveDivergence> op("contrastive_divergence");
  return op;
}

std::tuple<Tensor, Tensor, Tensor, Tensor> from_generator(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps, std::string_view visible_units,
    std::string_view hidden_units, const std::optional<Tensor>& visible_precision,
    const std::optional<Tensor>& hidden_precision, const std::optional<Tensor>& observed,
    bool sampled_hidden, bool mean_visible, signatures::Generator generator) {
  checks::contrastive_divergence("contrastive_divergence", data, chain,
                                 {weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                  visible_precision, hidden_precision},
                                 steps, observed, mean_visible);
  return sampler()({.key = random::draw_key(generator, weight.device())}, data, chain, weight,
                   visible_bias, hidden_bias, steps, visible_units, hidden_units, visible_precision,
                   hidden_precision, observed, sampled_hidden, mean_visible);
}

}  // namespace

ContrastiveDivergence contrastive_divergence(const Tensor& data, const Tensor& chain,
                                             const Tensor& weight, const Tensor& visible_bias,
                                             const Tensor& hidden_bias, int64_t steps,
                                             const ContrastiveDivergenceOptions& options) {
  auto [grad_weight, grad_visible_bias, grad_hidden_bias, moved] = sampler()(
      options.random, data, chain, weight, visible_bias, hidden_bias, steps, options.units.visible,
      options.units.hidden, options.units.visible_precision, options.units.hidden_precision,
      options.observed, options.sampled_hidden, options.mean_visible);
  return {std::move(grad_weight), std::move(grad_visible_bias), std::move(grad_hidden_bias),
          std::move(moved)};
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("contrastive_divergence", &from_generator);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("contrastive_divergence", &from_generator);
}

}  // namespace torch_rbm
