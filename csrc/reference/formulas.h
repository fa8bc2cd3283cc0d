// The operators as composite ATen formulas: for any device, differentiable where the mathematics
// is, and the reference that faster kernels are tested against. Arguments must have been checked.
#pragma once

#include "random/stream.h"
#include "reference/model.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <tuple>

namespace torch_rbm::reference {

/// A sample of units in the dtype of their fields, [..., units].
[[nodiscard]] Tensor sample(const units::UnitType& units, const Tensor& field,
                            const random::Stream& stream);

/// F(v) per row.
[[nodiscard]] Tensor free_energy(const Tensor& visible, const Model& model);

/// The mean of one layer given the other's states; `weight` is [this layer, other layer].
[[nodiscard]] Tensor layer_mean(const Tensor& states, const Tensor& weight,
                                const LayerArguments& layer);
/// A sample of one layer given the other's states, in their dtype.
[[nodiscard]] Tensor sample_layer(const Tensor& states, const Tensor& weight,
                                  const LayerArguments& layer, const random::Stream& stream);

/// The states of both layers, in the dtype that sums are kept in.
struct Chain {
  Tensor visible;
  Tensor hidden;
};

/// `steps` block Gibbs steps; see gibbs in torch_rbm/ops.h.
[[nodiscard]] Chain gibbs(const Tensor& visible, const Model& model, int64_t steps,
                          const std::optional<Tensor>& clamp, bool mean_visible, const Tensor& key);

/// `states` where observed, 0 elsewhere: as if the missing units were no part of the model.
[[nodiscard]] Tensor without_missing(const Tensor& states, const std::optional<Tensor>& observed);

/// CD-k gradients in the dtype and memory order of the parameters that `parameters` was made of,
/// means and the chain; see contrastive_divergence_with_means in torch_rbm/ops.h.
[[nodiscard]] std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> contrastive_divergence(
    const Tensor& data, const Tensor& chain, const Model& model, at::ScalarType dtype,
    int64_t steps, const std::optional<Tensor>& observed, bool sampled_hidden, bool mean_visible,
    const Tensor& key);

/// The centred gradient in the dtype and memory order of the given one; see centered_gradient in
/// torch_rbm/ops.h.
[[nodiscard]] std::tuple<Tensor, Tensor, Tensor> centered_gradient(const Tensor& grad_weight,
                                                                   const Tensor& grad_visible_bias,
                                                                   const Tensor& grad_hidden_bias,
                                                                   const Tensor& visible_offset,
                                                                   const Tensor& hidden_offset);

/// log Z in float64. Throws where it has no closed form and no layer has at most 2^25 states.
[[nodiscard]] Tensor log_partition(const char* op, const Model& model);
/// Throws likewise.
void check_can_enumerate(const char* op, const Model& model);

/// log Z and its derivatives for weight, visible_bias and hidden_bias: ⟨hᵀv⟩, ⟨v⟩ and ⟨h⟩ under the
/// model, in float64. Throws likewise.
[[nodiscard]] std::tuple<Tensor, Tensor, Tensor, Tensor> moments(const char* op,
                                                                 const Model& model);

/// Log weights, float64, and the chain in the dtype of sums; see annealed_importance_sampling in
/// torch_rbm/ops.h.
[[nodiscard]] std::tuple<Tensor, Tensor> annealed_importance_sampling(
    const Tensor& chain, const Model& model, const Tensor& base_visible_bias, const Tensor& betas,
    const Tensor& key);

/// The chain in the dtype of sums, and the other results of parallel_tempering in torch_rbm/ops.h.
[[nodiscard]] std::tuple<Tensor, Tensor, Tensor, Tensor> parallel_tempering(
    const Tensor& chain, const Model& model, const Tensor& base_visible_bias, const Tensor& betas,
    int64_t steps, const Tensor& key);

/// The uniform stream by integer arithmetic on tensors; see uniform in torch_rbm/ops.h.
[[nodiscard]] Tensor uniform(const Tensor& key, int64_t rows, int64_t units, int64_t step,
                             int64_t layer);

}  // namespace torch_rbm::reference
