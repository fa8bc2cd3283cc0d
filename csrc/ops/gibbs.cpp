// gibbs as a C++ function, and its generator overload, which only draws a key.
#include "ops/sampler.h"
#include "random/key.h"

#include <torch/library.h>

namespace torch_rbm {

namespace {

const Sampler<signatures::Gibbs>& sampler() {
  static const Sampler<signatures::Gibbs> op("gibbs");
  return op;
}

std::tuple<Tensor, Tensor> from_generator(const Tensor& visible, const Tensor& weight,
                                          const Tensor& visible_bias, const Tensor& hidden_bias,
                                          int64_t steps, std::string_view visible_units,
                                          std::string_view hidden_units,
                                          const std::optional<Tensor>& visible_precision,
                                          const std::optional<Tensor>& hidden_precision,
                                          const std::optional<Tensor>& clamp,
                                          signatures::Generator generator) {
  checks::gibbs("gibbs", visible,
                {weight, visible_bias, hidden_bias, visible_units, hidden_units, visible_precision,
                 hidden_precision},
                steps, clamp);
  return sampler()({.key = random::draw_key(generator, weight.device())}, visible, weight,
                   visible_bias, hidden_bias, steps, visible_units, hidden_units, visible_precision,
                   hidden_precision, clamp);
}

}  // namespace

std::tuple<Tensor, Tensor> gibbs(const Tensor& visible, const Tensor& weight,
                                 const Tensor& visible_bias, const Tensor& hidden_bias,
                                 int64_t steps, const GibbsOptions& options) {
  return sampler()(options.random, visible, weight, visible_bias, hidden_bias, steps,
                   options.units.visible, options.units.hidden, options.units.visible_precision,
                   options.units.hidden_precision, options.clamp);
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("gibbs", &from_generator);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("gibbs", &from_generator);
}

}  // namespace torch_rbm
