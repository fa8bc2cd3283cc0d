// Reads a model that Python wrote, trains it on, and writes it for Python.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <iomanip>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: exchange rbm|dbn FROM TO\n";
    return 2;
  }
  const auto v = torch::ones({3, 6});
  const torch_rbm::FitOptions options{.epochs = 3, .batch_size = 10, .learning_rate = 0.05};
  std::cout << std::setprecision(12);
  if (std::string(argv[1]) == "rbm") {
    const torch_rbm::RBM rbm = torch_rbm::load_rbm(argv[2]);
    std::cout << rbm->free_energy(v).sum().item<double>() << "\n";
    torch_rbm::fit(rbm, v, options);
    torch_rbm::save(rbm, argv[3]);
    std::cout << rbm->free_energy(v).sum().item<double>() << "\n";
  } else {
    torch_rbm::DBN dbn = torch_rbm::load_dbn(argv[2]);
    std::cout << dbn->forward(v).sum().item<double>() << "\n";
    dbn->pretrain(v, options);
    torch_rbm::save(dbn, argv[3]);
    std::cout << dbn->forward(v).sum().item<double>() << "\n";
  }
}
