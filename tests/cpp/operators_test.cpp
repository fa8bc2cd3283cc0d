// The operators as C++ functions.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <cmath>
#include <gtest/gtest.h>
#include <string>

namespace torch_rbm {
namespace {

struct Model {
  Tensor weight;
  Tensor visible_bias;
  Tensor hidden_bias;
};

Model random_model(int64_t visible, int64_t hidden) {
  torch::manual_seed(3);
  const auto options = torch::dtype(torch::kFloat64);
  return {torch::randn({hidden, visible}, options), torch::randn(visible, options),
          torch::randn(hidden, options)};
}

Tensor all_states(int64_t size) {
  const Tensor numbers = torch::arange(int64_t{1} << size).unsqueeze(1);
  return numbers.bitwise_right_shift(torch::arange(size)).bitwise_and(1).to(torch::kFloat64);
}

TEST(Operators, FreeEnergyAndLogPartitionEqualEnumeration) {
  const Model m = random_model(6, 4);
  const Tensor v = all_states(6);
  const Tensor h = all_states(4);
  const Tensor energies =
      energy(v.unsqueeze(1).expand({-1, 16, -1}), h.unsqueeze(0).expand({64, -1, -1}), m.weight,
             m.visible_bias, m.hidden_bias);
  const Tensor by_sum = -(-energies).logsumexp(1);
  EXPECT_TRUE(free_energy(v, m.weight, m.visible_bias, m.hidden_bias).allclose(by_sum, 0, 1e-10));
  const Tensor log_z = log_partition(m.weight, m.visible_bias, m.hidden_bias);
  EXPECT_NEAR(log_z.item<double>(), (-energies).flatten().logsumexp(0).item<double>(), 1e-10);

  const Tensor joint = (-energies - log_z).exp();
  const Moments expected = moments(m.weight, m.visible_bias, m.hidden_bias);
  EXPECT_NEAR(expected.log_partition.item<double>(), log_z.item<double>(), 1e-10);
  EXPECT_TRUE(expected.weight.allclose(joint.matmul(h).t().matmul(v), 0, 1e-10));
  EXPECT_TRUE(expected.visible.allclose(joint.sum(1).matmul(v), 0, 1e-10));
  EXPECT_TRUE(expected.hidden.allclose(joint.sum(0).matmul(h), 0, 1e-10));
}

TEST(Operators, AKeyFixesTheResultAndAGeneratorMovesOn) {
  const Model m = random_model(20, 10);
  const Tensor v = torch::zeros({8, 20}, torch::kFloat64);
  const Tensor key = torch::tensor({1, 0}, torch::kInt64);
  const auto run = [&](const Random& random) {
    return std::get<0>(gibbs(v, m.weight, m.visible_bias, m.hidden_bias, 3, {.random = random}));
  };
  EXPECT_TRUE(run({.key = key}).equal(run({.key = key})));
  EXPECT_FALSE(run({}).equal(run({})));
  auto generator = torch::make_generator<at::CPUGeneratorImpl>(5);
  const Tensor first = run({.generator = generator});
  generator.set_current_seed(5);
  EXPECT_TRUE(first.equal(run({.generator = generator})));
  EXPECT_THROW(run({.generator = generator, .key = key}), c10::ValueError);
}

TEST(Operators, AnnealedImportanceSamplingAgreesWithTheExactPartitionFunction) {
  const Model m = random_model(8, 5);
  constexpr int64_t kChains = 200;
  constexpr int64_t kTemperatures = 500;
  const Tensor base = torch::zeros(8, torch::kFloat64);
  const Tensor betas = torch::linspace(0, 1, kTemperatures, torch::kFloat64);
  const Tensor start = torch::rand({kChains, 8}, torch::kFloat64).round();
  const auto [log_weight, chain] =
      annealed_importance_sampling(start, m.weight, m.visible_bias, m.hidden_bias, base, betas, {},
                                   {.key = torch::tensor({1, 0}, torch::kInt64)});
  const double base_log_z = 13 * std::log(2.0);
  const double estimate =
      base_log_z + log_weight.logsumexp(0).item<double>() - std::log(static_cast<double>(kChains));
  const Tensor weight = (log_weight - log_weight.max()).exp();
  const double error =
      (weight.std() / weight.mean()).item<double>() / std::sqrt(static_cast<double>(kChains));
  const double exact = log_partition(m.weight, m.visible_bias, m.hidden_bias).item<double>();
  EXPECT_LT(error, 0.05);
  EXPECT_LT(std::abs(estimate - exact), 5 * error);
}

TEST(Operators, LogPartitionNamesItsLimitAndTheAlternative) {
  const Tensor weight = torch::zeros({26, 30});
  try {
    static_cast<void>(log_partition(weight, torch::zeros(30), torch::zeros(26)));
    FAIL() << "26 hidden units were enumerated";
  } catch (const c10::ValueError& error) {
    const std::string message = error.what_without_backtrace();
    EXPECT_NE(message.find("2^25 states"), std::string::npos) << message;
    EXPECT_NE(message.find("annealed importance sampling"), std::string::npos) << message;
  }
}

TEST(Operators, ContrastiveDivergenceOfTheModelsOwnStatesVanishes) {
  const Model m = random_model(6, 4);
  const Tensor v = all_states(6);
  const auto estimate = contrastive_divergence(v, v, m.weight, m.visible_bias, m.hidden_bias, 0);
  EXPECT_EQ(estimate.grad_weight.abs().max().item<double>(), 0);
  EXPECT_TRUE(estimate.chain.equal(v));
}

TEST(Operators, ContrastiveDivergenceKnowsTheMeansUnderTheData) {
  const Model m = random_model(6, 4);
  const Tensor v = all_states(6).slice(0, 3, 20);
  const auto estimate = contrastive_divergence_with_means(v, all_states(6), m.weight,
                                                          m.visible_bias, m.hidden_bias, 0);
  EXPECT_TRUE(estimate.visible_mean.allclose(v.mean(0), 0, 1e-12));
  const Tensor hidden = hidden_mean(v, m.weight, m.hidden_bias).mean(0);
  EXPECT_TRUE(estimate.hidden_mean.allclose(hidden, 0, 1e-7));
}

TEST(Operators, BiasesMakeUpForACenteredStepOfTheWeights) {
  const Model m = random_model(6, 4);
  const Tensor mu = m.visible_bias.sigmoid();
  const Tensor lambda = m.hidden_bias.sigmoid();
  const auto centered = centered_gradient(m.weight, m.visible_bias, m.hidden_bias, mu, lambda);
  const Tensor weight = m.weight - m.hidden_bias.outer(mu) - lambda.outer(m.visible_bias);
  EXPECT_TRUE(centered.grad_weight.allclose(weight, 0, 1e-12));
  EXPECT_TRUE(
      centered.grad_visible_bias.allclose(m.visible_bias - lambda.matmul(weight), 0, 1e-12));
  EXPECT_TRUE(centered.grad_hidden_bias.allclose(m.hidden_bias - weight.matmul(mu), 0, 1e-12));
}

TEST(Operators, CumulantIsTheHiddenPartOfTheFreeEnergy) {
  const Model m = random_model(6, 4);
  const Tensor v = all_states(6);
  const Tensor field = v.matmul(m.weight.t()) + m.hidden_bias;
  const Tensor by_hand = -v.matmul(m.visible_bias) - cumulant(field);
  EXPECT_TRUE(free_energy(v, m.weight, m.visible_bias, m.hidden_bias).allclose(by_hand, 0, 1e-10));
  const Tensor spins = cumulant(field, {.type = "spin"});
  EXPECT_TRUE(spins.allclose((2 * field.cosh()).log().sum(1), 0, 1e-10));
}

TEST(Operators, ParallelTemperingDrawsFromTheModel) {
  const Model m = random_model(4, 3);
  const Tensor betas = torch::tensor({0.0, 0.5, 1.0}, torch::kFloat64);
  const Tensor key = torch::tensor({2, 0}, torch::kInt64);
  constexpr int64_t kChains = 5'000;
  const Tensor start = torch::zeros({3, kChains, 4}, torch::kFloat64);
  const ParallelTempering result =
      parallel_tempering(start, m.weight, m.visible_bias, m.hidden_bias, m.visible_bias, betas,
                         /*steps=*/50, {}, {.key = key});
  EXPECT_TRUE(result.proposed.gt(0).all().item<bool>());
  EXPECT_TRUE(result.accepted.le(result.proposed).all().item<bool>());
  EXPECT_TRUE(
      std::get<0>(result.origin.sort(0)).eq(torch::arange(3).unsqueeze(1)).all().item<bool>());
  const Tensor means = result.chain[2].mean(0);
  const Tensor expected = moments(m.weight, m.visible_bias, m.hidden_bias).visible;
  // Five standard errors of the mean of coin tosses: fails once in 400,000 seeds.
  EXPECT_LT((means - expected).abs().max().item<double>(), 5 * 0.5 / std::sqrt(kChains));
}

TEST(Operators, GradientsOfFreeEnergyReachEveryArgument) {
  Model m = random_model(6, 4);
  const Tensor v = all_states(6).requires_grad_();
  for (Tensor* parameter : {&m.weight, &m.visible_bias, &m.hidden_bias}) {
    parameter->requires_grad_();
  }
  free_energy(v, m.weight, m.visible_bias, m.hidden_bias).sum().backward();
  EXPECT_TRUE(m.visible_bias.grad().allclose(-v.detach().sum(0)));
  EXPECT_TRUE(m.hidden_bias.grad().allclose(
      -hidden_mean(v.detach(), m.weight.detach(), m.hidden_bias.detach()).sum(0)));
  EXPECT_TRUE(m.weight.grad().defined());
  EXPECT_TRUE(v.grad().defined());
}

TEST(Operators, ErrorsNameTheOperatorTheExpectedAndTheGiven) {
  const Model m = random_model(6, 4);
  try {
    static_cast<void>(free_energy(torch::zeros({2, 5}, torch::kFloat64), m.weight, m.visible_bias,
                                  m.hidden_bias));
    FAIL() << "no error";
  } catch (const c10::ValueError& error) {
    const std::string message = error.what_without_backtrace();
    EXPECT_NE(message.find("torch_rbm::free_energy: expected visible of shape [..., 6]"),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("got [2, 5]"), std::string::npos) << message;
  }
  EXPECT_THROW(static_cast<void>(hidden_mean(torch::zeros({2, 6}), m.weight, m.hidden_bias)),
               c10::TypeError);
  EXPECT_THROW(static_cast<void>(gibbs(torch::zeros({2, 6}, torch::kFloat64), m.weight,
                                       m.visible_bias, m.hidden_bias, -1)),
               c10::ValueError);
}

}  // namespace
}  // namespace torch_rbm
