// The operators of ratings as C++ functions.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <gtest/gtest.h>

namespace torch_rbm {
namespace {

struct RatingsTest : testing::Test {
  RatingsTest() { torch::manual_seed(3); }

  Tensor weight = torch::randn({6, 5, 4}, torch::kFloat64);
  Tensor visible_bias = torch::randn({6, 5}, torch::kFloat64);
  Tensor hidden_bias = torch::randn({4}, torch::kFloat64);
  // Two cases and one that has rated nothing.
  Ratings ratings{
      {torch::tensor({0, 3, 3, 5}, torch::kInt64), torch::tensor({0, 2, 5, 1, 2}, torch::kInt64)},
      torch::tensor({4, 0, 1, 2, 3}, torch::kInt64)};
};

TEST_F(RatingsTest, PredictionsAreWhatFreeEnergiesSay) {
  const Rated query{torch::tensor({0, 1, 1, 1}, torch::kInt64), torch::tensor({3}, torch::kInt64)};
  const Tensor predicted = ratings_predict(ratings, query, weight, visible_bias, hidden_bias);
  const Tensor crow = torch::arange(6, torch::kInt64) * 4;
  const Tensor items = torch::tensor({0, 2, 5, 3}, torch::kInt64).repeat({5});
  const Tensor levels = torch::cat({torch::tensor({4, 0, 1}, torch::kInt64).expand({5, 3}),
                                    torch::arange(5, torch::kInt64).unsqueeze(1)},
                                   1)
                            .flatten();
  const Tensor free_energy =
      ratings_free_energy({{crow, items}, levels}, weight, visible_bias, hidden_bias);
  EXPECT_TRUE(torch::allclose(predicted[0], torch::softmax(-free_energy, 0)));
}

TEST_F(RatingsTest, WithoutRatingsThereIsTheBias) {
  const Tensor mean = ratings_hidden_mean(ratings, weight, hidden_bias);
  EXPECT_TRUE(torch::allclose(mean[1], torch::sigmoid(hidden_bias)));
}

TEST_F(RatingsTest, GibbsMeansAreThoseOfTheOperator) {
  const Random random{.key = torch::tensor({7, 0}, torch::kInt64)};
  const auto [levels, hidden] =
      ratings_gibbs(ratings, weight, visible_bias, hidden_bias, 3, "bernoulli", random);
  const ContrastiveDivergence estimate = ratings_contrastive_divergence(
      ratings, weight, visible_bias, hidden_bias, 3, {.random = random});
  EXPECT_TRUE(levels.equal(estimate.chain));
  EXPECT_EQ(hidden.sizes(), torch::IntArrayRef({3, 4}));
  const Tensor means = ratings_visible_mean(ratings.rated, hidden, weight, visible_bias);
  EXPECT_TRUE(torch::allclose(means.sum(1), torch::ones({5}, torch::kFloat64)));
}

TEST_F(RatingsTest, ContrastiveDivergenceIsTheGradientOfTheGap) {
  const Random random{.key = torch::tensor({7, 0}, torch::kInt64)};
  for (Tensor* parameter : {&weight, &visible_bias, &hidden_bias}) {
    parameter->requires_grad_();
  }
  const ContrastiveDivergence estimate = ratings_contrastive_divergence(
      ratings, weight, visible_bias, hidden_bias, 2, {.random = random});
  const auto energy = [&](const Tensor& levels) {
    return ratings_free_energy({ratings.rated, levels}, weight, visible_bias, hidden_bias).mean();
  };
  (energy(ratings.levels) - energy(estimate.chain)).backward();
  EXPECT_TRUE(torch::allclose(weight.grad(), estimate.grad_weight));
  EXPECT_TRUE(torch::allclose(visible_bias.grad(), estimate.grad_visible_bias));
  EXPECT_TRUE(torch::allclose(hidden_bias.grad(), estimate.grad_hidden_bias));
}

TEST_F(RatingsTest, ChecksArguments) {
  ratings.levels = torch::tensor({4, 0, 1, 2, 5}, torch::kInt64);
  EXPECT_THROW(static_cast<void>(ratings_hidden_mean(ratings, weight, hidden_bias)),
               c10::ValueError);
}

}  // namespace
}  // namespace torch_rbm
