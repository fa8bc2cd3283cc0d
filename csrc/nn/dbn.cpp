// Deep belief nets as a torch::nn module.
#include "ops/checks.h"
#include <torch_rbm/dbn.h>

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>
#include <torch/utils.h>

#include <utility>

namespace torch_rbm {

namespace {

torch::nn::Linear linear_of(const Tensor& weight, const Tensor& bias) {
  const torch::NoGradGuard no_grad;
  torch::nn::Linear result(weight.size(1), weight.size(0));
  result->to(weight.device(), weight.scalar_type());
  result->weight.copy_(weight);
  result->bias.copy_(bias);
  return result;
}

}  // namespace

DBNImpl::DBNImpl(std::vector<int64_t> sizes, std::vector<std::string> units)
    : sizes_(std::move(sizes)), units_(std::move(units)) {
  if (sizes_.size() < 2) {
    checks::value_error("DBN", "expected two or more layer sizes, got {}", sizes_.size());
  }
  if (units_.empty()) {
    units_.assign(sizes_.size(), "bernoulli");
  }
  if (units_.size() != sizes_.size()) {
    checks::value_error("DBN", "expected units for each of {} layers, got {}", sizes_.size(),
                        units_.size());
  }
  DBNImpl::reset();
}

void DBNImpl::reset() {
  layers_ = register_module("layers", torch::nn::ModuleList());
  for (size_t i = 0; i + 1 < sizes_.size(); ++i) {
    layers_->push_back(RBM(sizes_[i], sizes_[i + 1],
                           RBMOptions{.visible_units = units_[i], .hidden_units = units_[i + 1]}));
  }
}

std::vector<RBM> DBNImpl::layers() const {
  std::vector<RBM> result;
  for (size_t i = 0; i < layers_->size(); ++i) {
    result.emplace_back(layers_->ptr<RBMImpl>(i));
  }
  return result;
}

void DBNImpl::pretty_print(std::ostream& stream) const {
  stream << "torch_rbm::DBN(";
  for (size_t i = 0; i < sizes_.size(); ++i) {
    stream << (i > 0 ? ", " : "") << sizes_[i];
    if (units_[i] != "bernoulli") {
      stream << " " << units_[i];
    }
  }
  stream << ")";
}

Tensor DBNImpl::forward(const Tensor& visible) {
  Tensor states = visible;
  for (const RBM& layer : layers()) {
    states = layer->hidden_mean(states);
  }
  return states;
}

Tensor DBNImpl::sample(int64_t count, int64_t steps, bool mean_visible,
                       std::optional<at::Generator> generator) const {
  if (count < 0) {
    checks::value_error("DBN.sample", "expected count >= 0, got {}", count);
  }
  const torch::NoGradGuard no_grad;
  const Random random{.generator = std::move(generator)};
  const std::vector<RBM> layers = this->layers();
  const RBM& top = layers.back();
  Tensor states =
      top->sample_visible(at::zeros({count, top->weight.size(0)}, top->weight.options()), random);
  states = std::get<0>(top->gibbs(states, steps, std::nullopt, random));
  for (size_t i = layers.size() - 1; i-- > 0;) {
    states = mean_visible && i == 0 ? layers[i]->visible_mean(states)
                                    : layers[i]->sample_visible(states, random);
  }
  return states;
}

void DBNImpl::pretrain(const Tensor& data, const FitOptions& options) {
  if (options.transform) {
    checks::value_error("DBN.pretrain", "expected no transform: each layer sees what is below it");
  }
  const std::vector<RBM> layers = this->layers();
  for (size_t i = 0; i < layers.size(); ++i) {
    FitOptions of_layer = options;
    of_layer.binarize = options.binarize && units_[i] == "bernoulli";
    if (i > 0) {
      of_layer.transform = [&](const Tensor& batch) {
        Tensor states = batch;
        for (size_t below = 0; below < i; ++below) {
          states = layers[below]->hidden_mean(states);
        }
        return states;
      };
    }
    fit(layers[i], data, of_layer);
  }
}

torch::nn::Sequential DBNImpl::classifier(int64_t classes) const {
  if (classes < 1) {
    checks::value_error("DBN.classifier", "expected classes >= 1, got {}", classes);
  }
  const std::vector<RBM> layers = this->layers();
  torch::nn::Sequential result;
  for (size_t i = 0; i < layers.size(); ++i) {
    result->push_back(linear_of(layers[i]->weight, layers[i]->hidden_bias));
    const std::string& kind = units_[i + 1];
    if (kind == "bernoulli") {
      result->push_back(torch::nn::Sigmoid());
    } else if (kind == "spin") {
      result->push_back(torch::nn::Tanh());
    } else if (kind == "relu") {
      result->push_back(torch::nn::ReLU());
    } else if (kind != "gaussian") {
      checks::value_error("DBN.classifier",
                          "expected layers of bernoulli, spin, relu or gaussian units, got \"{}\"",
                          kind);
    }
  }
  const Tensor& weight = layers.back()->weight;
  const torch::NoGradGuard no_grad;
  torch::nn::Linear output(weight.size(0), classes);
  output->to(weight.device(), weight.scalar_type());
  torch::nn::init::zeros_(output->weight);
  torch::nn::init::zeros_(output->bias);
  result->push_back(output);
  return result;
}

}  // namespace torch_rbm
