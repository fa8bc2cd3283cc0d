// Operators called from several threads at once, with what they share.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace torch_rbm {
namespace {

constexpr int kThreads = 8;
constexpr int kCalls = 20;

struct Results {
  Tensor free_energy;
  Tensor chain;
  Tensor gradient;
  Tensor log_partition;
};

Results results_of(const RBM& rbm, const Tensor& data, int seed) {
  const Random random{.key = torch::tensor({seed, 0}, torch::kInt64)};
  const auto estimate = contrastive_divergence(data, data, rbm->weight, rbm->visible_bias,
                                               rbm->hidden_bias, 2, {.random = random});
  return {rbm->free_energy(data), estimate.chain, estimate.grad_weight, rbm->log_partition()};
}

TEST(Threads, FindWhatOneFinds) {
  torch::manual_seed(0);
  const torch::NoGradGuard no_grad;
  const RBM rbm(70, 12);
  torch::nn::init::normal_(rbm->weight);
  const Tensor data = torch::rand({33, 70}).round();
  std::vector<Results> alone;
  for (int seed = 0; seed < kCalls; ++seed) {
    alone.push_back(results_of(rbm, data, seed));
  }
  std::vector<std::vector<Results>> found(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const torch::NoGradGuard no_grad_here;
      for (int seed = 0; seed < kCalls; ++seed) {
        found[static_cast<size_t>(i)].push_back(results_of(rbm, data, seed));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const auto& results : found) {
    for (size_t seed = 0; seed < kCalls; ++seed) {
      EXPECT_TRUE(results[seed].free_energy.equal(alone[seed].free_energy));
      EXPECT_TRUE(results[seed].chain.equal(alone[seed].chain));
      EXPECT_TRUE(results[seed].gradient.equal(alone[seed].gradient));
      EXPECT_TRUE(results[seed].log_partition.equal(alone[seed].log_partition));
    }
  }
}

TEST(Threads, ThatShareAGeneratorDoNotDrawTheSame) {
  const torch::NoGradGuard no_grad;
  const RBM rbm(64, 4);
  std::vector<Tensor> drawn(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const torch::NoGradGuard no_grad_here;
      drawn[static_cast<size_t>(i)] = rbm->sample_visible(torch::zeros({1, 4}));
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int i = 0; i < kThreads; ++i) {
    for (int j = 0; j < i; ++j) {
      EXPECT_FALSE(drawn[static_cast<size_t>(i)].equal(drawn[static_cast<size_t>(j)]));
    }
  }
}

}  // namespace
}  // namespace torch_rbm
