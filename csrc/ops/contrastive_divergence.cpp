// contrastive_divergence and contrastive_divergence_with_means as C++ functions, and their
// generator overloads, which only draw a key. The first is the second without the means: it has no
// kernels of its own.
#include "ops/sampler.h"
#include "random/key.h"

#include <torch/library.h>

namespace torch_rbm {

namespace {

using signatures::OptionalTensor;

const Sampler<signatures::ContrastiveDivergence>& sampler() {
  static const Sampler<signatures::ContrastiveDivergence> op("contrastive_divergence");
  return op;
}

const Sampler<signatures::ContrastiveDivergenceWithMeans>& sampler_with_means() {
  static const Sampler<signatures::ContrastiveDivergenceWithMeans> op(
      "contrastive_divergence_with_means");
  return op;
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> from_generator(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps, std::string_view visible_units,
    std::string_view hidden_units, const OptionalTensor& visible_precision,
    const OptionalTensor& hidden_precision, const OptionalTensor& observed, bool sampled_hidden,
    bool mean_visible, signatures::Generator generator) {
  checks::contrastive_divergence("contrastive_divergence", data, chain,
                                 {weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                  visible_precision, hidden_precision},
                                 steps, observed, mean_visible);
  return sampler_with_means()({.key = random::draw_key(generator, weight.device())}, data, chain,
                              weight, visible_bias, hidden_bias, steps, visible_units, hidden_units,
                              visible_precision, hidden_precision, observed, sampled_hidden,
                              mean_visible);
}

Random as_random(const Tensor& key) {
  return {.key = key};
}
Random as_random(const signatures::Generator& generator) {
  return {.generator = generator};
}

template <typename RandomSource>
std::tuple<Tensor, Tensor, Tensor, Tensor> without_means(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, c10::SymInt steps, std::string_view visible_units,
    std::string_view hidden_units, const OptionalTensor& visible_precision,
    const OptionalTensor& hidden_precision, const OptionalTensor& observed, bool sampled_hidden,
    bool mean_visible, RandomSource random) {
  auto [grad_weight, grad_visible_bias, grad_hidden_bias, visible_mean, hidden_mean, moved] =
      sampler_with_means()(as_random(random), data, chain, weight, visible_bias, hidden_bias,
                           std::move(steps), visible_units, hidden_units, visible_precision,
                           hidden_precision, observed, sampled_hidden, mean_visible);
  return {std::move(grad_weight), std::move(grad_visible_bias), std::move(grad_hidden_bias),
          std::move(moved)};
}

void register_without_means(torch::Library& m) {
  m.impl("contrastive_divergence", &without_means<signatures::Generator>);
  m.impl("contrastive_divergence.key", &without_means<const Tensor&>);
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

ContrastiveDivergenceWithMeans contrastive_divergence_with_means(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, int64_t steps, const ContrastiveDivergenceOptions& options) {
  auto [grad_weight, grad_visible_bias, grad_hidden_bias, visible_mean, hidden_mean, moved] =
      sampler_with_means()(options.random, data, chain, weight, visible_bias, hidden_bias, steps,
                           options.units.visible, options.units.hidden,
                           options.units.visible_precision, options.units.hidden_precision,
                           options.observed, options.sampled_hidden, options.mean_visible);
  return {std::move(grad_weight),  std::move(grad_visible_bias), std::move(grad_hidden_bias),
          std::move(visible_mean), std::move(hidden_mean),       std::move(moved)};
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("contrastive_divergence_with_means", &from_generator);
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeImplicitAutograd, m) {
  register_without_means(m);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("contrastive_divergence_with_means", &from_generator);
  register_without_means(m);
}

}  // namespace torch_rbm
