// The restricted Boltzmann machine as a torch::nn module.
#pragma once

#include <torch_rbm/export.h>
#include <torch_rbm/ops.h>

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>

namespace torch_rbm {

/// What the units of an RBM are; see LayerUnits.
struct RBMOptions {
  std::string visible_units = "bernoulli";
  std::string hidden_units = "bernoulli";
  /// Make the precisions of gaussian and relu visible units a parameter; otherwise they are 1.
  bool learn_precision = false;
};

/// A restricted Boltzmann machine. Its parameters `weight` [hidden, visible], `visible_bias`
/// [visible], `hidden_bias` [hidden] and, where precisions are learned, `visible_log_precision`
/// [visible] carry the same names as in Python. weight starts as N(0, 0.01²) (Hinton 2010), the
/// others as zeros.
class TORCH_RBM_API RBMImpl : public torch::nn::Cloneable<RBMImpl> {
 public:
  /// `visible` and `hidden` are the numbers of elements.
  RBMImpl(int64_t visible, int64_t hidden, RBMOptions options = {});

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
  [[nodiscard]] Moments moments() const;

  /// The units as the operators take them, with their precisions.
  [[nodiscard]] Units units() const;
  [[nodiscard]] const RBMOptions& options() const { return options_; }

  Tensor weight;
  Tensor visible_bias;
  Tensor hidden_bias;
  /// Undefined where precisions are not learned.
  Tensor visible_log_precision;

 private:
  [[nodiscard]] LayerUnits visible_units() const;
  [[nodiscard]] LayerUnits hidden_units() const;

  int64_t visible_;
  int64_t hidden_;
  RBMOptions options_;
};

TORCH_MODULE(RBM);

}  // namespace torch_rbm
