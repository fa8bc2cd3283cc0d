// Trains an RBM on 3×3 bars and stripes by persistent contrastive divergence, without Python, and
// judges it by its exact log-likelihood.
#include <torch_rbm/torch_rbm.h>

#include <fmt/core.h>
#include <torch/torch.h>

#include <cmath>
#include <string>

namespace {

constexpr int64_t kSide = 3;
constexpr int64_t kPixels = kSide * kSide;

// The 14 pictures whose rows are each all on or all off, or whose columns are.
torch::Tensor bars_and_stripes() {
  const auto numbers = torch::arange(int64_t{1} << kSide).unsqueeze(1);
  const auto lines = numbers.bitwise_right_shift(torch::arange(kSide)).bitwise_and(1);
  const auto rows = lines.unsqueeze(2).expand({-1, kSide, kSide});
  const auto columns = rows.transpose(1, 2).slice(0, 1, -1);  // without all off and all on
  return torch::cat({rows, columns}).reshape({-1, kPixels}).to(torch::kFloat32);
}

double log_likelihood(const torch_rbm::RBM& rbm, const torch::Tensor& data) {
  const torch::NoGradGuard no_grad;
  return (-rbm->free_energy(data).mean() - rbm->log_partition()).item<double>();
}

void print_pictures(const torch::Tensor& pictures) {
  const auto pixels = pictures.reshape({-1, kSide, kSide}).to(torch::kInt64);
  for (int64_t row = 0; row < kSide; ++row) {
    std::string line;
    for (int64_t picture = 0; picture < pixels.size(0); ++picture) {
      for (int64_t column = 0; column < kSide; ++column) {
        line += pixels[picture][row][column].item<int64_t>() == 1 ? "##" : " .";
      }
      line += "   ";
    }
    fmt::print("  {}\n", line);
  }
}

}  // namespace

int main() {
  constexpr int kUpdates = 10000;
  constexpr int kReports = 5;
  constexpr int64_t kHidden = 16;
  constexpr int64_t kChains = 200;
  constexpr int64_t kSteps = 5;
  constexpr double kLearningRate = 0.1;

  torch::manual_seed(0);
  const torch::Tensor data = bars_and_stripes();
  torch_rbm::RBM rbm(kPixels, kHidden);
  torch::Tensor chain = torch::rand({kChains, kPixels}).round();
  torch::optim::SGD optimizer(rbm->parameters(), kLearningRate);

  fmt::print("Mean log-likelihood of the {} pictures, at best {:.3f}\n", data.size(0),
             -std::log(static_cast<double>(data.size(0))));
  for (int update = 0; update <= kUpdates; ++update) {
    if (update % (kUpdates / kReports) == 0) {
      fmt::print("  after {:5d} updates {:8.3f}\n", update, log_likelihood(rbm, data));
    }
    auto estimate = torch_rbm::contrastive_divergence(data, chain, rbm->weight, rbm->visible_bias,
                                                      rbm->hidden_bias, kSteps);
    rbm->weight.mutable_grad() = estimate.grad_weight;
    rbm->visible_bias.mutable_grad() = estimate.grad_visible_bias;
    rbm->hidden_bias.mutable_grad() = estimate.grad_hidden_bias;
    chain = estimate.chain;
    for (auto& group : optimizer.param_groups()) {
      group.options().set_lr(kLearningRate * (1.0 - static_cast<double>(update) / kUpdates));
    }
    optimizer.step();
  }

  fmt::print("Samples\n");
  constexpr int64_t kShown = 10;
  constexpr int64_t kSampleSteps = 1000;
  print_pictures(std::get<0>(rbm->gibbs(torch::zeros({kShown, kPixels}), kSampleSteps)));
}
