// Runs a scripted model; names no symbol of torch_rbm, whose operators must be there all the same.
#include <torch/script.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: load MODEL\n";
    return 2;
  }
  torch::jit::Module model = torch::jit::load(argv[1]);
  std::cout << model.forward({torch::ones({1, 6})}).toTensor().sum().item<double>() << "\n";
}
