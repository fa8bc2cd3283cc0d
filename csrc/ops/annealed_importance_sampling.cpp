// annealed_importance_sampling as a C++ function, and its generator overload, which only draws a
// key.
#include "ops/sampler.h"
#include "random/key.h"

#include <torch/library.h>

namespace torch_rbm {

namespace {

const Sampler<signatures::AnnealedImportanceSampling>& sampler() {
  static const Sampler<signatures::AnnealedImportanceSampling> op("annealed_importance_sampling");
  return op;
}

std::tuple<Tensor, Tensor> from_generator(const Tensor& chain, const Tensor& weight,
                                          const Tensor& visible_bias, const Tensor& hidden_bias,
                                          const Tensor& base_visible_bias, const Tensor& betas,
                                          std::string_view visible_units,
                                          std::string_view hidden_units,
                                          const std::optional<Tensor>& visible_precision,
                                          const std::optional<Tensor>& hidden_precision,
                                          signatures::Generator generator) {
  checks::annealed_importance_sampling("annealed_importance_sampling", chain,
                                       {weight, visible_bias, hidden_bias, visible_units,
                                        hidden_units, visible_precision, hidden_precision},
                                       base_visible_bias, betas);
  return sampler()({.key = random::draw_key(generator, weight.device())}, chain, weight,
                   visible_bias, hidden_bias, base_visible_bias, betas, visible_units, hidden_units,
                   visible_precision, hidden_precision);
}

}  // namespace

std::tuple<Tensor, Tensor> annealed_importance_sampling(const Tensor& chain, const Tensor& weight,
                                                        const Tensor& visible_bias,
                                                        const Tensor& hidden_bias,
                                                        const Tensor& base_visible_bias,
                                                        const Tensor& betas, const Units& units,
                                                        const Random& random) {
  return sampler()(random, chain, weight, visible_bias, hidden_bias, base_visible_bias, betas,
                   units.visible, units.hidden, units.visible_precision, units.hidden_precision);
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("annealed_importance_sampling", &from_generator);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("annealed_importance_sampling", &from_generator);
}

}  // namespace torch_rbm
