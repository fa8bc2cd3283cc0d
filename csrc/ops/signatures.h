// The C++ signatures of the operators, as the dispatcher knows them.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

#include <optional>
#include <string_view>
#include <tuple>

namespace torch_rbm::signatures {

using at::Tensor;
using Generator = std::optional<at::Generator>;
using OptionalTensor = std::optional<Tensor>;

/// The generator overload and the `.key` overload of a sampler differ in their last argument.
template <typename RandomSource>
using SampleLayer = Tensor(const Tensor& states, const Tensor& weight, const Tensor& bias,
                           std::string_view units, const OptionalTensor& precision,
                           RandomSource random);
template <typename RandomSource>
using Gibbs = std::tuple<Tensor, Tensor>(const Tensor& visible, const Tensor& weight,
                                         const Tensor& visible_bias, const Tensor& hidden_bias,
                                         c10::SymInt steps, std::string_view visible_units,
                                         std::string_view hidden_units,
                                         const OptionalTensor& visible_precision,
                                         const OptionalTensor& hidden_precision,
                                         const OptionalTensor& clamp, RandomSource random);
template <typename RandomSource>
using ContrastiveDivergence = std::tuple<Tensor, Tensor, Tensor, Tensor>(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, c10::SymInt steps, std::string_view visible_units,
    std::string_view hidden_units, const OptionalTensor& visible_precision,
    const OptionalTensor& hidden_precision, const OptionalTensor& observed, bool sampled_hidden,
    bool mean_visible, RandomSource random);
template <typename RandomSource>
using ContrastiveDivergenceWithMeans = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, c10::SymInt steps, std::string_view visible_units,
    std::string_view hidden_units, const OptionalTensor& visible_precision,
    const OptionalTensor& hidden_precision, const OptionalTensor& observed, bool sampled_hidden,
    bool mean_visible, RandomSource random);

template <typename RandomSource>
using AnnealedImportanceSampling = std::tuple<Tensor, Tensor>(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    std::string_view visible_units, std::string_view hidden_units,
    const OptionalTensor& visible_precision, const OptionalTensor& hidden_precision,
    RandomSource random);

template <typename RandomSource>
using ParallelTempering = std::tuple<Tensor, Tensor, Tensor, Tensor>(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    c10::SymInt steps, std::string_view visible_units, std::string_view hidden_units,
    const OptionalTensor& visible_precision, const OptionalTensor& hidden_precision,
    RandomSource random);

using CenteredGradient = std::tuple<Tensor, Tensor, Tensor>(const Tensor& grad_weight,
                                                            const Tensor& grad_visible_bias,
                                                            const Tensor& grad_hidden_bias,
                                                            const Tensor& visible_offset,
                                                            const Tensor& hidden_offset);

using Mean = Tensor(const Tensor& states, const Tensor& weight, const Tensor& bias,
                    std::string_view units, const OptionalTensor& precision);
using Cumulant = Tensor(const Tensor& field, std::string_view units,
                        const OptionalTensor& precision);
using Energy = Tensor(const Tensor& visible, const Tensor& hidden, const Tensor& weight,
                      const Tensor& visible_bias, const Tensor& hidden_bias,
                      std::string_view visible_units, std::string_view hidden_units,
                      const OptionalTensor& visible_precision,
                      const OptionalTensor& hidden_precision);
using FreeEnergy = Tensor(const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
                          const Tensor& hidden_bias, std::string_view visible_units,
                          std::string_view hidden_units, const OptionalTensor& visible_precision,
                          const OptionalTensor& hidden_precision);
using LogPartition = Tensor(const Tensor& weight, const Tensor& visible_bias,
                            const Tensor& hidden_bias, std::string_view visible_units,
                            std::string_view hidden_units, const OptionalTensor& visible_precision,
                            const OptionalTensor& hidden_precision);
using Moments = std::tuple<Tensor, Tensor, Tensor, Tensor>(
    const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
    std::string_view visible_units, std::string_view hidden_units,
    const OptionalTensor& visible_precision, const OptionalTensor& hidden_precision);

using RatingsHiddenMean = Tensor(const Tensor& crow, const Tensor& items, const Tensor& levels,
                                 const Tensor& weight, const Tensor& hidden_bias,
                                 std::string_view hidden_units);
using RatingsVisibleMean = Tensor(const Tensor& crow, const Tensor& items, const Tensor& hidden,
                                  const Tensor& weight, const Tensor& visible_bias);
using RatingsFreeEnergy = Tensor(const Tensor& crow, const Tensor& items, const Tensor& levels,
                                 const Tensor& weight, const Tensor& visible_bias,
                                 const Tensor& hidden_bias, std::string_view hidden_units);
using RatingsPredict = Tensor(const Tensor& crow, const Tensor& items, const Tensor& levels,
                              const Tensor& query_crow, const Tensor& query_items,
                              const Tensor& weight, const Tensor& visible_bias,
                              const Tensor& hidden_bias, std::string_view hidden_units);
template <typename RandomSource>
using RatingsGibbs = std::tuple<Tensor, Tensor>(const Tensor& crow, const Tensor& items,
                                                const Tensor& levels, const Tensor& weight,
                                                const Tensor& visible_bias,
                                                const Tensor& hidden_bias, c10::SymInt steps,
                                                std::string_view hidden_units, RandomSource random);
template <typename RandomSource>
using RatingsContrastiveDivergence = std::tuple<Tensor, Tensor, Tensor, Tensor>(
    const Tensor& crow, const Tensor& items, const Tensor& levels, const Tensor& weight,
    const Tensor& visible_bias, const Tensor& hidden_bias, c10::SymInt steps,
    std::string_view hidden_units, bool sampled_hidden, bool mean_visible, RandomSource random);

using Uniform = Tensor(const Tensor& key, c10::SymInt rows, c10::SymInt units, c10::SymInt step,
                       int64_t layer);

}  // namespace torch_rbm::signatures
