// parallel_tempering as a C++ function, and its generator overload, which only draws
// a key.
#include "ops/sampler.h"
#include "random/key.h"

#include <torch/library.h>

namespace torch_rbm {

namespace {

const Sampler<signatures::ParallelTempering>& sampler() {
  static const Sampler<signatures::ParallelTempering> op("parallel_tempering");
  return op;
}

std::tuple<Tensor, Tensor, Tensor, Tensor> from_generator(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas, int64_t steps,
    std::string_view visible_units, std::string_view hidden_units,
    const std::optional<Tensor>& visible_precision, const std::optional<Tensor>& hidden_precision,
    signatures::Generator generator) {
  checks::parallel_tempering("parallel_tempering", chain,
                             {weight, visible_bias, hidden_bias, visible_units, hidden_units,
                              visible_precision, hidden_precision},
                             base_visible_bias, betas, steps);
  return sampler()({.key = random::draw_key(generator, weight.device())}, chain, weight,
                   visible_bias, hidden_bias, base_visible_bias, betas, steps, visible_units,
                   hidden_units, visible_precision, hidden_precision);
}

}  // namespace

ParallelTempering parallel_tempering(const Tensor& chain, const Tensor& weight,
                                     const Tensor& visible_bias, const Tensor& hidden_bias,
                                     const Tensor& base_visible_bias, const Tensor& betas,
                                     int64_t steps, const Units& units, const Random& random) {
  auto [moved, accepted, proposed, origin] =
      sampler()(random, chain, weight, visible_bias, hidden_bias, base_visible_bias, betas, steps,
                units.visible, units.hidden, units.visible_precision, units.hidden_precision);
  return {std::move(moved), std::move(accepted), std::move(proposed), std::move(origin)};
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("parallel_tempering", &from_generator);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("parallel_tempering", &from_generator);
}

}  // namespace torch_rbm
