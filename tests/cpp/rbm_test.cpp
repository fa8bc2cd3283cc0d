// The torch::nn module.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <gtest/gtest.h>
#include <sstream>

namespace torch_rbm {
namespace {

TEST(RBMModule, HasTheParametersOfThePythonModule) {
  RBM rbm(6, 4);
  const auto parameters = rbm->named_parameters();
  EXPECT_EQ(parameters.size(), 3U);
  EXPECT_EQ(parameters["weight"].sizes(), (at::IntArrayRef{4, 6}));
  EXPECT_EQ(parameters["visible_bias"].sizes(), (at::IntArrayRef{6}));
  EXPECT_EQ(parameters["hidden_bias"].sizes(), (at::IntArrayRef{4}));
}

TEST(RBMModule, MethodsAreTheOperators) {
  RBM rbm(6, 4);
  const Tensor v = torch::rand({3, 6}).round();
  const Tensor h = rbm->sample_hidden(v);
  EXPECT_TRUE(rbm->forward(v).equal(hidden_mean(v, rbm->weight, rbm->hidden_bias)));
  EXPECT_TRUE(
      rbm->free_energy(v).equal(free_energy(v, rbm->weight, rbm->visible_bias, rbm->hidden_bias)));
  EXPECT_TRUE(
      rbm->energy(v, h).equal(energy(v, h, rbm->weight, rbm->visible_bias, rbm->hidden_bias)));
  EXPECT_TRUE(rbm->visible_mean(h).equal(visible_mean(h, rbm->weight, rbm->visible_bias)));
  EXPECT_EQ(rbm->sample_visible(h).sizes(), v.sizes());
  EXPECT_EQ(std::get<1>(rbm->gibbs(v, 2)).sizes(), h.sizes());
  EXPECT_NEAR(rbm->log_partition().item<double>(), 10 * std::log(2.0), 0.1);
}

TEST(RBMModule, TakesEveryUnitType) {
  RBM rbm(5, 3, RBMOptions{"gaussian:3, categorical:2", "spin", /*learn_precision=*/true});
  EXPECT_EQ(rbm->named_parameters().size(), 4U);
  torch::nn::init::normal_(rbm->visible_log_precision);
  const auto [v, h] = rbm->gibbs(torch::zeros({7, 5}), 3);
  EXPECT_TRUE(v.narrow(1, 3, 2).sum(1).eq(1).all().item<bool>());
  EXPECT_TRUE(h.abs().eq(1).all().item<bool>());
  const Units units{"gaussian:3, categorical:2", "spin", rbm->visible_log_precision.exp()};
  EXPECT_TRUE(rbm->free_energy(v).equal(
      free_energy(v, rbm->weight, rbm->visible_bias, rbm->hidden_bias, units)));
  EXPECT_TRUE(rbm->log_partition().isfinite().item<bool>());
  EXPECT_THROW(RBM(5, 3, RBMOptions{.visible_units = "gauss"}), c10::ValueError);
  EXPECT_THROW(RBM(5, 3, RBMOptions{.learn_precision = true}), c10::ValueError);
}

TEST(RBMModule, SaysWhatItIs) {
  std::ostringstream text;
  text << *RBM(6, 4) << " " << *RBM(6, 4, RBMOptions{.visible_units = "spin"});
  EXPECT_EQ(text.str(), "torch_rbm::RBM(6, 4) torch_rbm::RBM(6, 4, spin, bernoulli)");
}

TEST(RBMModule, MomentsAreThoseOfTheOperator) {
  const RBM rbm(6, 4);
  const Moments expected = moments(rbm->weight, rbm->visible_bias, rbm->hidden_bias);
  EXPECT_TRUE(rbm->moments().weight.equal(expected.weight));
  EXPECT_TRUE(rbm->moments().visible.equal(expected.visible));
}

TEST(RBMModule, GradientsFlowThroughTheLayer) {
  torch::nn::Sequential net(RBM(6, 4), torch::nn::Linear(4, 2));
  net->forward(torch::rand({5, 6})).sum().backward();
  EXPECT_TRUE(net->named_parameters()["0.weight"].grad().defined());
  EXPECT_FALSE(net->named_parameters()["0.visible_bias"].grad().defined());
}

TEST(RBMModule, SavesAndLoads) {
  RBM saved(6, 4);
  RBM loaded(6, 4);
  std::stringstream file;
  torch::save(saved, file);
  torch::load(loaded, file);
  EXPECT_TRUE(saved->weight.equal(loaded->weight));
}

TEST(RBMModule, ClonesAndConverts) {
  RBM rbm(6, 4);
  const auto copy = std::dynamic_pointer_cast<RBMImpl>(rbm->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_TRUE(copy->weight.equal(rbm->weight));
  EXPECT_NE(copy->weight.data_ptr(), rbm->weight.data_ptr());
  rbm->to(torch::kFloat64);
  EXPECT_EQ(rbm->free_energy(torch::zeros({1, 6}, torch::kFloat64)).scalar_type(), torch::kFloat64);
}

TEST(RBMModule, TrainsByContrastiveDivergence) {
  torch::manual_seed(0);
  RBM rbm(8, 8);
  const Tensor patterns =
      torch::tensor({{1, 1, 1, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 1, 1, 1, 1}}, torch::kFloat32)
          .repeat({50, 1});
  const auto negative_log_likelihood = [&] {
    return (rbm->free_energy(patterns).mean() + rbm->log_partition()).item<double>();
  };
  const double before = negative_log_likelihood();
  torch::optim::SGD optimizer(rbm->parameters(), 0.2);
  for (int step = 0; step < 300; ++step) {
    const auto estimate = contrastive_divergence(patterns, patterns, rbm->weight, rbm->visible_bias,
                                                 rbm->hidden_bias);
    rbm->weight.mutable_grad() = estimate.grad_weight;
    rbm->visible_bias.mutable_grad() = estimate.grad_visible_bias;
    rbm->hidden_bias.mutable_grad() = estimate.grad_hidden_bias;
    optimizer.step();
  }
  EXPECT_NEAR(before, 8 * std::log(2.0), 0.2);
  EXPECT_LT(negative_log_likelihood(), 1.5);
}

}  // namespace
}  // namespace torch_rbm
