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

/// The generator overload and the `.key` overload of a sampler differ in their last argument.
template <typename RandomSource>
using SampleLayer = Tensor(const Tensor& states, const Tensor& weight, const Tensor& bias,
                           std::string_view units, RandomSource random);
template <typename RandomSource>
using Gibbs = std::tuple<Tensor, Tensor>(const Tensor& visible, const Tensor& weight,
                                         const Tensor& visible_bias, const Tensor& hidden_bias,
                                         c10::SymInt steps, std::string_view visible_units,
                                         std::string_view hidden_units,
                                         const std::optional<Tensor>& clamp, RandomSource random);
template <typename RandomSource>
using ContrastiveDivergence = std::tuple<Tensor, Tensor, Tensor, Tensor>(
    const Tensor& data, const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, c10::SymInt steps, std::string_view visible_units,
    std::string_view hidden_units, bool sampled_hidden, bool mean_visible, RandomSource random);

template <typename RandomSource>
using AnnealedImportanceSampling = std::tuple<Tensor, Tensor>(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    std::string_view visible_units, std::string_view hidden_units, RandomSource random);

using Mean = Tensor(const Tensor& states, const Tensor& weight, const Tensor& bias,
                    std::string_view units);
using Energy = Tensor(const Tensor& visible, const Tensor& hidden, const Tensor& weight,
                      const Tensor& visible_bias, const Tensor& hidden_bias);
using FreeEnergy = Tensor(const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
                          const Tensor& hidden_bias, std::string_view visible_units,
                          std::string_view hidden_units);
using LogPartition = Tensor(const Tensor& weight, const Tensor& visible_bias,
                            const Tensor& hidden_bias, std::string_view visible_units,
                            std::string_view hidden_units);
using Uniform = Tensor(const Tensor& key, c10::SymInt rows, c10::SymInt units, c10::SymInt step,
                       int64_t layer);

}  // namespace torch_rbm::signatures
