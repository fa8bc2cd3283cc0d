// Calls the operators of torch_rbm.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <iostream>

int main() {
  torch_rbm::RBM rbm(6, 4);
  const auto v = torch::ones({3, 6});
  const auto [weight, visible_bias, hidden_bias, chain] =
      torch_rbm::contrastive_divergence(v, v, rbm->weight, rbm->visible_bias, rbm->hidden_bias);
  std::cout << "log Z " << rbm->log_partition().item<double>() << " chain " << chain.sizes()
            << "\n";
}
