// Runs a package of AOTInductor; names no symbol of torch_rbm, whose operators must be there all
// the same.
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/torch.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: package MODEL.pt2\n";
    return 2;
  }
  torch::inductor::AOTIModelPackageLoader model(argv[1]);
  for (const int64_t rows : {1, 2, 9}) {
    std::cout << model.run({torch::ones({rows, 6})}).at(0).sum().item<double>() << "\n";
  }
}
