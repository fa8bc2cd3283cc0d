// The restricted Boltzmann machine as a torch::nn module.
#pragma once

#include <torch_rbm/export.h>
#include <torch_rbm/ops.h>

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <tuple>

namespace torch_rbm {

/// A restricted Boltzmann machine with Bernoulli units. Its parameters `weight` [hidden, visible],
/// `visible_bias` [visible] and `hidden_bias` [hidden] carry the same names as in Python. weight
/// starts as N(0, 0.01²) (Hinton 2010), the biases as zeros.
class TORCH_RBM_API RBMImpl : public torch::nn::Cloneable<RBMImpl> {
 public:
  /// `visible` and `hidden` are the numbers of units.
  RBMImpl(int64_t visible, int64_t hidden);

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  /// E[h | v]: the module as a differentiable layer, [..., visible] to [..., hidden]. Not const, as
  /// torch::nn::Sequential asks.
  [[nodiscard]] Tensor forward(const Tensor& visible);

  [[nodiscard]] Tensor energy(const Tensor& visible, const Tensor& hidden) const;
  [[nodiscard]] Tensor free_energy(const Tensor& visible) const;
  [[nodiscard]] Tensor hidden_mean(const Tensor& visible) const;
  [[nodiscard]] Tensor visible_mean(const Tensor& hidden) const;
  [[nodiscard]] Tensor sample_hidden(const Tensor& visible, const Random& random = {}) const;
  [[nodiscard]] Tensor sample_visible(const Tensor& hidden, const Random& random = {}) const;
  [[nodiscard]] std::tuple<Tensor, Tensor> gibbs(const Tensor& visible, int64_t steps = 1,
                                                 const std::optional<Tensor>& clamp = std::nullopt,
                                                 const Random& random = {}) const;
  [[nodiscard]] Tensor log_partition() const;

  Tensor weight;
  Tensor visible_bias;
  Tensor hidden_bias;

 private:
  int64_t visible_;
  int64_t hidden_;
};

TORCH_MODULE(RBM);

}  // namespace torch_rbm
