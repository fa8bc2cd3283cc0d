// The restricted Boltzmann machine as a torch::nn module.
#include "ops/checks.h"
#include "units/specification.h"
#include <torch_rbm/rbm.h>

#include <torch/nn/init.h>
#include <torch/types.h>

#include <utility>

namespace torch_rbm {

namespace {

void check_units(const char* name, const std::string& units, int64_t size) {
  if (const std::string error = units::parse(units, size).error; !error.empty()) {
    checks::value_error("RBM", "expected {} to be {}, got \"{}\"", name, error, units);
  }
}

}  // namespace

RBMImpl::RBMImpl(int64_t visible, int64_t hidden, RBMOptions options)
    : visible_(visible), hidden_(hidden), options_(std::move(options)) {
  if (visible < 0 || hidden < 0) {
    checks::value_error("RBM", "expected visible >= 0 and hidden >= 0 units, got {} and {}",
                        visible, hidden);
  }
  check_units("visible_units", options_.visible_units, visible);
  check_units("hidden_units", options_.hidden_units, hidden);
  if (options_.learn_precision &&
      !units::make_layer(options_.visible_units, visible, Tensor())->precision().defined()) {
    checks::value_error("RBM",
                        "expected gaussian or relu visible units with learn_precision, got \"{}\"",
                        options_.visible_units);
  }
  RBMImpl::reset();
}

void RBMImpl::reset() {
  weight = register_parameter("weight", torch::empty({hidden_, visible_}));
  visible_bias = register_parameter("visible_bias", torch::empty(visible_));
  hidden_bias = register_parameter("hidden_bias", torch::empty(hidden_));
  if (options_.learn_precision) {
    visible_log_precision = register_parameter("visible_log_precision", torch::empty(visible_));
  }
  reset_parameters();
}

void RBMImpl::reset_parameters() {
  constexpr double kWeightStd = 0.01;
  torch::nn::init::normal_(weight, 0.0, kWeightStd);
  for (const Tensor& parameter : {visible_bias, hidden_bias, visible_log_precision}) {
    if (parameter.defined()) {
      torch::nn::init::zeros_(parameter);
    }
  }
}

void RBMImpl::pretty_print(std::ostream& stream) const {
  stream << "torch_rbm::RBM(" << visible_ << ", " << hidden_;
  if (options_.visible_units != "bernoulli" || options_.hidden_units != "bernoulli") {
    stream << ", " << options_.visible_units << ", " << options_.hidden_units;
  }
  stream << ")";
}

LayerUnits RBMImpl::visible_units() const {
  return {options_.visible_units, visible_log_precision.defined()
                                      ? std::optional(visible_log_precision.exp())
                                      : std::nullopt};
}

LayerUnits RBMImpl::hidden_units() const {
  return {options_.hidden_units, std::nullopt};
}

Units RBMImpl::units() const {
  const LayerUnits visible = visible_units();
  return {visible.type, options_.hidden_units, visible.precision, std::nullopt};
}

Tensor RBMImpl::forward(const Tensor& visible) {
  return hidden_mean(visible);
}

Tensor RBMImpl::energy(const Tensor& visible, const Tensor& hidden) const {
  return torch_rbm::energy(visible, hidden, weight, visible_bias, hidden_bias, units());
}

Tensor RBMImpl::free_energy(const Tensor& visible) const {
  return torch_rbm::free_energy(visible, weight, visible_bias, hidden_bias, units());
}

Tensor RBMImpl::hidden_mean(const Tensor& visible) const {
  return torch_rbm::hidden_mean(visible, weight, hidden_bias, hidden_units());
}

Tensor RBMImpl::visible_mean(const Tensor& hidden) const {
  return torch_rbm::visible_mean(hidden, weight, visible_bias, visible_units());
}

Tensor RBMImpl::sample_hidden(const Tensor& visible, const Random& random) const {
  return torch_rbm::sample_hidden(visible, weight, hidden_bias, hidden_units(), random);
}

Tensor RBMImpl::sample_visible(const Tensor& hidden, const Random& random) const {
  return torch_rbm::sample_visible(hidden, weight, visible_bias, visible_units(), random);
}

std::tuple<Tensor, Tensor> RBMImpl::gibbs(const Tensor& visible, int64_t steps,
                                          const std::optional<Tensor>& clamp,
                                          const Random& random) const {
  return torch_rbm::gibbs(visible, weight, visible_bias, hidden_bias, steps,
                          {.units = units(), .clamp = clamp, .random = random});
}

Moments RBMImpl::moments() const {
  return torch_rbm::moments(weight, visible_bias, hidden_bias, units());
}

Tensor RBMImpl::log_partition() const {
  return torch_rbm::log_partition(weight, visible_bias, hidden_bias, units());
}

}  // namespace torch_rbm
