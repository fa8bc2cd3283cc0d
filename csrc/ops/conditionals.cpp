// The conditional means and samples as C++ functions, and the generator overloads of the samplers,
// which only draw a key.
#include "ops/sampler.h"
#include "random/key.h"

#include <torch/library.h>

namespace torch_rbm {

namespace {

const Sampler<signatures::SampleLayer>& hidden_sampler() {
  static const Sampler<signatures::SampleLayer> op("sample_hidden");
  return op;
}

const Sampler<signatures::SampleLayer>& visible_sampler() {
  static const Sampler<signatures::SampleLayer> op("sample_visible");
  return op;
}

Tensor hidden_from_generator(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                             std::string_view hidden_units,
                             const std::optional<Tensor>& hidden_precision,
                             signatures::Generator generator) {
  checks::conditional("sample_hidden", checks::kVisible, visible, checks::kHidden, weight,
                      {hidden_bias, hidden_units, hidden_precision});
  return hidden_sampler()({.key = random::draw_key(generator, weight.device())}, visible, weight,
                          hidden_bias, hidden_units, hidden_precision);
}

Tensor visible_from_generator(const Tensor& hidden, const Tensor& weight,
                              const Tensor& visible_bias, std::string_view visible_units,
                              const std::optional<Tensor>& visible_precision,
                              signatures::Generator generator) {
  checks::conditional("sample_visible", checks::kHidden, hidden, checks::kVisible, weight,
                      {visible_bias, visible_units, visible_precision});
  return visible_sampler()({.key = random::draw_key(generator, weight.device())}, hidden, weight,
                           visible_bias, visible_units, visible_precision);
}

}  // namespace

Tensor hidden_mean(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                   const LayerUnits& hidden_units) {
  static const auto op = find_operator<signatures::Mean>("torch_rbm::hidden_mean");
  return op.call(visible, weight, hidden_bias, hidden_units.type, hidden_units.precision);
}

Tensor visible_mean(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                    const LayerUnits& visible_units) {
  static const auto op = find_operator<signatures::Mean>("torch_rbm::visible_mean");
  return op.call(hidden, weight, visible_bias, visible_units.type, visible_units.precision);
}

Tensor sample_hidden(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                     const LayerUnits& hidden_units, const Random& random) {
  return hidden_sampler()(random, visible, weight, hidden_bias, hidden_units.type,
                          hidden_units.precision);
}

Tensor sample_visible(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                      const LayerUnits& visible_units, const Random& random) {
  return visible_sampler()(random, hidden, weight, visible_bias, visible_units.type,
                           visible_units.precision);
}

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("sample_hidden", &hidden_from_generator);
  m.impl("sample_visible", &visible_from_generator);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("sample_hidden", &hidden_from_generator);
  m.impl("sample_visible", &visible_from_generator);
}

}  // namespace torch_rbm
