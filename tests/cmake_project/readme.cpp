// The C++ program of the README; a test holds the two equal.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <iostream>

int main() {
  torch_rbm::RBM rbm(784, 15);
  torch::optim::SGD optimizer(rbm->parameters(), /*lr=*/0.1);
  const auto v = torch::rand({128, 784}).round();  // your data, [cases, visible] in {0, 1}
  for (int step = 0; step < 100; ++step) {
    const auto estimate = torch_rbm::contrastive_divergence(
        v, v, rbm->weight, rbm->visible_bias, rbm->hidden_bias);  // gradients to descend
    rbm->weight.mutable_grad() = estimate.grad_weight;
    rbm->visible_bias.mutable_grad() = estimate.grad_visible_bias;
    rbm->hidden_bias.mutable_grad() = estimate.grad_hidden_bias;
    optimizer.step();
  }
  const torch::NoGradGuard no_grad;
  const auto log_likelihood = -rbm->free_energy(v) - rbm->log_partition();
  std::cout << log_likelihood.mean().item<double>() << '\n';
}
