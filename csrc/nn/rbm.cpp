// The restricted Boltzmann machine as a torch::nn module.
#include "ops/checks.h"
#include <torch_rbm/rbm.h>

#include <torch/nn/init.h>
#include <torch/types.h>

namespace torch_rbm {

RBMImpl::RBMImpl(int64_t visible, int64_t hidden) : visible_(visible), hidden_(hidden) {
  if (visible < 0 || hidden < 0) {
    checks::value_error("RBM", "expected visible >= 0 and hidden >= 0 units, got {} and {}",
                        visible, hidden);
  }
  reset();
}

void RBMImpl::reset() {
  weight = register_parameter("weight", torch::empty({hidden_, visible_}));
  visible_bias = register_parameter("visible_bias", torch::empty(visible_));
  hidden_bias = register_parameter("hidden_bias", torch::empty(hidden_));
  reset_parameters();
}

void RBMImpl::reset_parameters() {
  constexpr double kWeightStd = 0.01;
  torch::nn::init::normal_(weight, 0.0, kWeightStd);
  torch::nn::init::zeros_(visible_bias);
  torch::nn::init::zeros_(hidden_bias);
}

void RBMImpl::pretty_print(std::ostream& stream) const {
  stream << "torch_rbm::RBM(" << visible_ << ", " << hidden_ << ")";
}

Tensor RBMImpl::forward(const Tensor& visible) {
  return hidden_mean(visible);
}

Tensor RBMImpl::energy(const Tensor& visible, const Tensor& hidden) const {
  return torch_rbm::energy(visible, hidden, weight, visible_bias, hidden_bias);
}

Tensor RBMImpl::free_energy(const Tensor& visible) const {
  return torch_rbm::free_energy(visible, weight, visible_bias, hidden_bias);
}

Tensor RBMImpl::hidden_mean(const Tensor& visible) const {
  return torch_rbm::hidden_mean(visible, weight, hidden_bias);
}

Tensor RBMImpl::visible_mean(const Tensor& hidden) const {
  return torch_rbm::visible_mean(hidden, weight, visible_bias);
}

Tensor RBMImpl::sample_hidden(const Tensor& visible, const Random& random) const {
  return torch_rbm::sample_hidden(visible, weight, hidden_bias, Units().hidden, random);
}

Tensor RBMImpl::sample_visible(const Tensor& hidden, const Random& random) const {
  return torch_rbm::sample_visible(hidden, weight, visible_bias, Units().visible, random);
}

std::tuple<Tensor, Tensor> RBMImpl::gibbs(const Tensor& visible, int64_t steps,
                                          const std::optional<Tensor>& clamp,
                                          const Random& random) const {
  return torch_rbm::gibbs(visible, weight, visible_bias, hidden_bias, steps,
                          {.clamp = clamp, .random = random});
}

Tensor RBMImpl::log_partition() const {
  return torch_rbm::log_partition(weight, visible_bias, hidden_bias);
}

}  // namespace torch_rbm
