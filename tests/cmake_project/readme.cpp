// The C++ program of the README; a test holds the two equal.
// clang-format off
#include <torch/torch.h>
#include <torch_rbm/torch_rbm.h>

int main() {
  torch_rbm::RBM rbm(784, 500);
  const auto v = torch::rand({128, 784}).round();
  const auto [weight, visible_bias, hidden_bias, chain] = torch_rbm::contrastive_divergence(
      v, v, rbm->weight, rbm->visible_bias, rbm->hidden_bias);   // gradients to descend
}
