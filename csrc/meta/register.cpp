// Meta kernels: the arguments checked and the shapes of the results, nothing computed.
#include "meta/random.h"
#include "ops/checks.h"
#include "ops/signatures.h"
#include "units/specification.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

namespace torch_rbm::meta {

namespace {

using at::Tensor;
using signatures::OptionalTensor;

/// An empty tensor with the leading dimensions of `states` and, where given, a last dimension.
Tensor empty_rows(const Tensor& states, const std::optional<c10::SymInt>& last,
                  at::ScalarType dtype) {
  auto sizes = states.sym_sizes().vec();
  sizes.pop_back();
  if (last) {
    sizes.push_back(*last);
  }
  return at::empty_symint(sizes, states.options().dtype(dtype));
}

Tensor free_energy(const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
                   const Tensor& hidden_bias, std::string_view visible_units,
                   std::string_view hidden_units, const OptionalTensor& visible_precision,
                   const OptionalTensor& hidden_precision) {
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::free_energy("free_energy", visible, model);
  return empty_rows(visible, std::nullopt,
                    weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

Tensor log_partition(const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                     std::string_view visible_units, std::string_view hidden_units,
                     const OptionalTensor& visible_precision,
                     const OptionalTensor& hidden_precision) {
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::log_partition("log_partition", model);
  return at::empty({}, weight.options().dtype(at::kDouble));
}

std::tuple<Tensor, Tensor, Tensor, Tensor> moments(const Tensor& weight, const Tensor& visible_bias,
                                                   const Tensor& hidden_bias,
                                                   std::string_view visible_units,
                                                   std::string_view hidden_units,
                                                   const OptionalTensor& visible_precision,
                                                   const OptionalTensor& hidden_precision) {
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::log_partition("moments", model);
  const auto like = [](const Tensor& parameter) {
    return at::empty_symint(parameter.sym_sizes(), parameter.options().dtype(at::kDouble));
  };
  return {at::empty({}, weight.options().dtype(at::kDouble)), like(weight), like(visible_bias),
          like(hidden_bias)};
}

Tensor hidden_mean(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                   std::string_view hidden_units, const OptionalTensor& hidden_precision) {
  checks::conditional("hidden_mean", checks::kVisible, visible, checks::kHidden, weight,
                      {hidden_bias, hidden_units, hidden_precision});
  return empty_rows(visible, weight.sym_size(0), weight.scalar_type());
}

Tensor visible_mean(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                    std::string_view visible_units, const OptionalTensor& visible_precision) {
  checks::conditional("visible_mean", checks::kHidden, hidden, checks::kVisible, weight,
                      {visible_bias, visible_units, visible_precision});
  return empty_rows(hidden, weight.sym_size(1), weight.scalar_type());
}

template <typename RandomSource>
Tensor sample_hidden(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                     std::string_view hidden_units, const OptionalTensor& hidden_precision,
                     RandomSource random) {
  constexpr auto kOp = "sample_hidden";
  checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight,
                      {hidden_bias, hidden_units, hidden_precision});
  check_random(kOp, random, weight);
  return empty_rows(visible, weight.sym_size(0),
                    units::sample_dtype(visible, hidden_units, weight));
}

template <typename RandomSource>
Tensor sample_visible(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                      std::string_view visible_units, const OptionalTensor& visible_precision,
                      RandomSource random) {
  constexpr auto kOp = "sample_visible";
  checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight,
                      {visible_bias, visible_units, visible_precision});
  check_random(kOp, random, weight);
  return empty_rows(hidden, weight.sym_size(1), units::sample_dtype(hidden, visible_units, weight));
}

template <typename RandomSource>
std::tuple<Tensor, Tensor> gibbs(const Tensor& visible, const Tensor& weight,
                                 const Tensor& visible_bias, const Tensor& hidden_bias,
                                 c10::SymInt steps, std::string_view visible_units,
                                 std::string_view hidden_units,
                                 const OptionalTensor& visible_precision,
                                 const OptionalTensor& hidden_precision,
                                 const OptionalTensor& clamp, RandomSource random) {
  constexpr auto kOp = "gibbs";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::gibbs(kOp, visible, model, steps, clamp);
  check_random(kOp, random, weight);
  return {
      empty_rows(visible, weight.sym_size(1), visible.scalar_type()),
      empty_rows(visible, weight.sym_size(0), units::sample_dtype(visible, hidden_units, weight))};
}

template <typename RandomSource>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> contrastive_divergence(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, c10::SymInt steps, std::string_view visible_units,
    std::string_view hidden_units, const OptionalTensor& visible_precision,
    const OptionalTensor& hidden_precision, const OptionalTensor& observed, bool /*sampled_hidden*/,
    bool mean_visible, RandomSource random) {
  constexpr auto kOp = "contrastive_divergence";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::contrastive_divergence(kOp, data, chain, model, steps, observed, mean_visible);
  check_random(kOp, random, weight);
  return {at::empty_like(weight),      at::empty_like(visible_bias),
          at::empty_like(hidden_bias), at::empty_like(visible_bias),
          at::empty_like(hidden_bias), empty_rows(chain, weight.sym_size(1), chain.scalar_type())};
}

std::tuple<Tensor, Tensor, Tensor> centered_gradient(const Tensor& grad_weight,
                                                     const Tensor& grad_visible_bias,
                                                     const Tensor& grad_hidden_bias,
                                                     const Tensor& visible_offset,
                                                     const Tensor& hidden_offset) {
  checks::centered_gradient("centered_gradient", grad_weight, grad_visible_bias, grad_hidden_bias,
                            visible_offset, hidden_offset);
  return {at::empty_like(grad_weight), at::empty_like(grad_visible_bias),
          at::empty_like(grad_hidden_bias)};
}

template <typename RandomSource>
std::tuple<Tensor, Tensor> annealed_importance_sampling(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    std::string_view visible_units, std::string_view hidden_units,
    const OptionalTensor& visible_precision, const OptionalTensor& hidden_precision,
    RandomSource random) {
  constexpr auto kOp = "annealed_importance_sampling";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::annealed_importance_sampling(kOp, chain, model, base_visible_bias, betas);
  check_random(kOp, random, weight);
  return {empty_rows(chain, std::nullopt, at::kDouble),
          empty_rows(chain, weight.sym_size(1), chain.scalar_type())};
}

template <typename RandomSource>
std::tuple<Tensor, Tensor, Tensor, Tensor> parallel_tempering(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    c10::SymInt steps, std::string_view visible_units, std::string_view hidden_units,
    const OptionalTensor& visible_precision, const OptionalTensor& hidden_precision,
    RandomSource random) {
  constexpr auto kOp = "parallel_tempering";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::parallel_tempering(kOp, chain, model, base_visible_bias, betas, steps);
  check_random(kOp, random, weight);
  return {empty_rows(chain, weight.sym_size(1), chain.scalar_type()),
          at::empty_symint({betas.sym_size(0) - 1}, betas.options()),
          at::empty_symint({betas.sym_size(0) - 1}, betas.options().dtype(at::kLong)),
          empty_rows(chain, std::nullopt, at::kLong)};
}

Tensor uniform(const Tensor& key, c10::SymInt rows, c10::SymInt units, c10::SymInt step,
               int64_t layer) {
  checks::uniform("uniform", key, rows, units, step, layer);
  return at::empty_symint({rows, units}, key.options().dtype(at::kFloat));
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Meta, m) {
  using signatures::Generator;
  m.impl("free_energy", &free_energy);
  m.impl("log_partition", &log_partition);
  m.impl("moments", &moments);
  m.impl("hidden_mean", &hidden_mean);
  m.impl("visible_mean", &visible_mean);
  m.impl("sample_hidden", &sample_hidden<Generator>);
  m.impl("sample_hidden.key", &sample_hidden<const Tensor&>);
  m.impl("sample_visible", &sample_visible<Generator>);
  m.impl("sample_visible.key", &sample_visible<const Tensor&>);
  m.impl("gibbs", &gibbs<Generator>);
  m.impl("gibbs.key", &gibbs<const Tensor&>);
  m.impl("contrastive_divergence_with_means", &contrastive_divergence<Generator>);
  m.impl("contrastive_divergence_with_means.key", &contrastive_divergence<const Tensor&>);
  m.impl("centered_gradient", &centered_gradient);
  m.impl("annealed_importance_sampling", &annealed_importance_sampling<Generator>);
  m.impl("annealed_importance_sampling.key", &annealed_importance_sampling<const Tensor&>);
  m.impl("parallel_tempering", &parallel_tempering<Generator>);
  m.impl("parallel_tempering.key", &parallel_tempering<const Tensor&>);
  m.impl("uniform", &uniform);
}

}  // namespace torch_rbm::meta
