// Deep belief nets, the training of C++ programs, and models in files.
#include <torch_rbm/torch_rbm.h>

#include <torch/torch.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>
#include <string>

namespace torch_rbm {
namespace {

// Two groups of noisy pictures of twelve pixels, and which of them each is.
std::pair<Tensor, Tensor> patterns() {
  torch::manual_seed(1);
  const Tensor labels = torch::arange(400).remainder(2);
  const Tensor left = torch::arange(12).lt(6).to(torch::kFloat32);
  const Tensor ideal = torch::stack({left, 1 - left}).index_select(0, labels);
  const Tensor flips = torch::rand({400, 12}).lt(0.05).to(torch::kFloat32);
  return {(ideal - flips).abs(), labels};
}

double log_likelihood(const RBM& rbm, const Tensor& data) {
  const torch::NoGradGuard no_grad;
  return (-rbm->free_energy(data).mean() - rbm->log_partition()).item<double>();
}

std::string temporary(const std::string& name) {
  return (std::filesystem::path(testing::TempDir()) / name).string();
}

class Fit : public testing::TestWithParam<bool> {};

TEST_P(Fit, ReachesTheEntropyOfThePatterns) {
  const auto [data, labels] = patterns();
  RBM rbm(12, 8);
  std::vector<double> gaps;
  FitOptions options;
  options.epochs = 60;
  options.batch_size = 20;
  options.centered = GetParam();
  options.on_epoch = [&](int64_t epoch, double gap) {
    gaps.push_back(gap);
    EXPECT_EQ(epoch, static_cast<int64_t>(gaps.size()));
  };
  fit(rbm, data, options);
  EXPECT_EQ(gaps.size(), 60U);
  // log 2 + 12 H(0.05) = 3.07 nats; independent units have 12 log 2 = 8.3.
  EXPECT_GT(log_likelihood(rbm, data), -3.7);
}

INSTANTIATE_TEST_SUITE_P(CenteredOrNot, Fit, testing::Bool());

TEST(FitOptions, AGeneratorFixesTheResult) {
  const auto [data, labels] = patterns();
  std::vector<Tensor> weights;
  for (int run = 0; run < 2; ++run) {
    torch::manual_seed(2);
    const RBM rbm(12, 8);
    FitOptions options;
    options.epochs = 2;
    options.binarize = true;
    options.generator = at::detail::createCPUGenerator(3);
    static_cast<void>(torch::rand({run + 1}));
    fit(rbm, data * 0.8, options);
    weights.push_back(rbm->weight.detach().clone());
  }
  EXPECT_TRUE(weights[0].equal(weights[1]));
}

TEST(FitOptions, ATrainingThatDivergesChangesNothing) {
  const auto [data, labels] = patterns();
  const RBM rbm(12, 8);
  const Tensor before = rbm->weight.detach().clone();
  FitOptions options;
  options.learning_rate = 1e38;
  EXPECT_THROW(fit(rbm, data, options), c10::Error);
  EXPECT_TRUE(rbm->weight.equal(before));
}

TEST(FitOptions, FewCasesHaveManyEpochsInSmallBatches) {
  constexpr int64_t kCases = 4000;
  constexpr int64_t kEpochs = 50;  // of 100 batches of 40 cases: 5,000 updates
  const RBM rbm(2, 1);
  int64_t epochs = 0;
  FitOptions options;
  options.chains = 1;
  options.on_epoch = [&](int64_t epoch, double /*gap*/) { epochs = epoch; };
  fit(rbm, at::zeros({kCases, 2}), options);
  EXPECT_EQ(epochs, kEpochs);

  options.batch_size = kCases;
  options.epochs = 3;
  fit(rbm, at::zeros({kCases, 2}), options);
  EXPECT_EQ(epochs, 3);
}

TEST(FitOptions, TheRateRisesStaysAndFallsToZero) {
  const auto [data, labels] = patterns();
  constexpr int64_t kUpdates = 10;
  // Chains that stand still give the same gradient of the visible biases in every update.
  FitOptions options;
  options.epochs = kUpdates;
  options.batch_size = data.size(0);
  options.steps = 0;
  options.centered = false;
  options.average = 0;
  const auto steps = [&](double hold) {
    options.hold = hold;
    torch::manual_seed(5);
    const RBM rbm(12, 8);
    fit(rbm, data, options);
    return rbm->visible_bias.detach().clone();
  };
  const Tensor falling = steps(0);  // 1 + 0.9 + ... + 0.1 = 5.5 steps
  ASSERT_GT(falling.abs().max().item<double>(), 0);
  EXPECT_TRUE(steps(0.5).allclose(falling * (8 / 5.5)));  // six whole ones, 0.8 + ... + 0.2
  EXPECT_TRUE(steps(1).allclose(falling * (10 / 5.5)));
  options.warm_up = 0.4;
  EXPECT_TRUE(steps(0).allclose(falling * (4.3 / 5.5)));  // 0.25 + 0.5 + 0.75 + 0.7 + ... + 0.1
  EXPECT_TRUE(steps(0.5).allclose(falling * (6.5 / 5.5)));
}

TEST(FitOptions, TheRateSuitsTheUnits) {
  const auto trained = [](const RBMOptions& units, const FitOptions& options) {
    torch::manual_seed(6);
    const RBM rbm(10, 4, units);
    fit(rbm, torch::rand({40, 10}), options);
    return rbm->weight.detach().clone();
  };
  const FitOptions by_default{.epochs = 1};
  const FitOptions highest{.epochs = 1, .learning_rate = 0.2};
  const FitOptions nine{.epochs = 1, .learning_rate = 0.5 / 3};
  const FitOptions ten{.epochs = 1, .learning_rate = 0.5 / std::sqrt(10)};
  const RBMOptions six_real{.visible_units = "gaussian:6, bernoulli:4"};
  const RBMOptions nine_real{.visible_units = "gaussian:7, relu:2, bernoulli:1"};
  const RBMOptions real_hidden{.hidden_units = "bernoulli:1, relu:3"};
  EXPECT_TRUE(trained({}, by_default).equal(trained({}, highest)));
  EXPECT_TRUE(trained(six_real, by_default).equal(trained(six_real, highest)));
  EXPECT_TRUE(trained(nine_real, by_default).equal(trained(nine_real, nine)));
  EXPECT_TRUE(trained(real_hidden, by_default).equal(trained(real_hidden, ten)));
  EXPECT_FALSE(trained(real_hidden, by_default).equal(trained(real_hidden, highest)));
}

TEST(FitOptions, PrecisionsAreLearned) {
  torch::manual_seed(7);
  const Tensor deviations = torch::tensor({0.5, 1.0, 2.0});
  const Tensor data = torch::randn({2000, 3}) * deviations;
  const auto trained = [&](bool learn_precision) {
    const RBM rbm(3, 2,
                  RBMOptions{.visible_units = "gaussian", .learn_precision = learn_precision});
    double last = 0;
    fit(rbm, data, {.epochs = 60, .on_epoch = [&](int64_t, double gap) { last = gap; }});
    EXPECT_LT(std::abs(last), 0.5);  // data and chains are alike
    return log_likelihood(rbm, data);
  };
  constexpr double kTwoPiE = 17.0795;
  const double best = -(0.5 * 3 * std::log(kTwoPiE) + deviations.log().sum().item<double>());
  EXPECT_GT(trained(true), best - 0.1);
  EXPECT_LT(trained(false), best - 0.3);
}

TEST(FitOptions, AreChecked) {
  const auto [data, labels] = patterns();
  const RBM rbm(12, 8);
  EXPECT_THROW(fit(rbm, data.narrow(1, 0, 11)), c10::ValueError);
  EXPECT_THROW(fit(rbm, data.narrow(0, 0, 0)), c10::ValueError);
  EXPECT_THROW(fit(rbm, data, {.epochs = -1}), c10::ValueError);
  EXPECT_THROW(fit(rbm, data, {.batch_size = 0}), c10::ValueError);
  EXPECT_THROW(fit(rbm, data, {.learning_rate = -1}), c10::ValueError);
  EXPECT_THROW(fit(rbm, data, {.hold = -1}), c10::ValueError);
  EXPECT_THROW(fit(rbm, data, {.warm_up = 2}), c10::ValueError);
  EXPECT_THROW(fit(rbm, data, {.average = 2}), c10::ValueError);
}

TEST(FitData, MustBeWhatTheUnitsCanHave) {
  constexpr int64_t kRow = 3;
  constexpr int64_t kColumn = 2;
  const struct {
    const char* units;
    double right;
    double wrong;
    const char* words;
  } cases[] = {
      {"bernoulli", 0.3, 3.0, "expected data in [0, 1]"},
      {"spin", -0.5, -1.5, "expected data in [-1, 1]"},
      {"relu", 2.0, -0.1, "not negative"},
      {"gaussian", -9.0, std::numeric_limits<double>::quiet_NaN(), "to be finite"},
      {"bernoulli:1, categorical(2):2", 0.5, 0.9, "to be one-hot"},
  };
  for (const auto& [units, right, wrong, words] : cases) {
    const RBM rbm(3, 2, RBMOptions{.visible_units = units});
    Tensor data = at::full({10, 3}, right);
    FitOptions options;
    options.epochs = 1;
    options.learning_rate = 0;
    EXPECT_NO_THROW(fit(rbm, data, options)) << units;
    data[kRow][kColumn] = wrong;
    for (const bool transformed : {false, true}) {
      if (transformed) {
        options.transform = [](const Tensor& batch) { return batch.clone(); };
      }
      try {
        fit(rbm, data, options);
        FAIL() << units;
      } catch (const c10::ValueError& error) {
        EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
      }
    }
  }
}

TEST(DBNModule, HasTheParametersOfThePythonModule) {
  DBN dbn(std::vector<int64_t>{6, 5, 4});
  const auto parameters = dbn->named_parameters();
  EXPECT_EQ(parameters.size(), 6U);
  EXPECT_EQ(parameters["layers.1.weight"].sizes(), (at::IntArrayRef{4, 5}));
  const Tensor v = torch::rand({3, 6});
  EXPECT_TRUE(
      dbn->forward(v).equal(dbn->layers()[1]->hidden_mean(dbn->layers()[0]->hidden_mean(v))));
  const auto copy = std::dynamic_pointer_cast<DBNImpl>(dbn->clone());
  EXPECT_TRUE(copy->forward(v).equal(dbn->forward(v)));
  EXPECT_NE(copy->layers()[0]->weight.data_ptr(), dbn->layers()[0]->weight.data_ptr());
  EXPECT_THROW(DBN(std::vector<int64_t>{6}), c10::ValueError);
  EXPECT_THROW(DBN(std::vector<int64_t>{6, 5}, std::vector<std::string>{"spin"}), c10::ValueError);
}

TEST(DBNModule, SaysWhatItIs) {
  std::ostringstream text;
  text << *DBN(std::vector<int64_t>{6, 5, 4},
               std::vector<std::string>{"gaussian", "bernoulli", "bernoulli"});
  // LibTorch goes on with the layers.
  EXPECT_EQ(text.str().rfind("torch_rbm::DBN(6 gaussian, 5, 4)", 0), 0U) << text.str();
}

TEST(DBNModule, ClassifiersHaveTheActivationsOfTheUnits) {
  const DBN dbn(std::vector<int64_t>{6, 5, 4, 3},
                std::vector<std::string>{"bernoulli", "spin", "relu", "gaussian"});
  auto net = dbn->classifier(2);
  const Tensor v = torch::rand({3, 6});
  const std::vector<RBM> layers = dbn->layers();
  const auto below = [&](size_t i, const Tensor& x) {
    return torch::nn::functional::linear(x, layers[i]->weight, layers[i]->hidden_bias);
  };
  const Tensor top = below(2, below(1, below(0, v).tanh()).relu());
  Tensor x = v;
  for (size_t i = 0; i + 1 < net->size(); ++i) {
    x = (*(net->begin() + static_cast<int64_t>(i))).forward(x);
  }
  EXPECT_TRUE(x.allclose(top, 1e-5, 1e-6));
  EXPECT_THROW(dbn->classifier(0), c10::ValueError);
  const DBN words(std::vector<int64_t>{6, 4},
                  std::vector<std::string>{"bernoulli", "categorical(2)"});
  EXPECT_THROW(words->classifier(2), c10::ValueError);
}

TEST(DBNModule, LearnsWhatTheDataHold) {
  const auto [data, labels] = patterns();
  DBN dbn(std::vector<int64_t>{12, 8, 8});
  FitOptions options;
  options.epochs = 60;
  options.batch_size = 20;
  options.binarize = true;
  dbn->pretrain(data, options);
  EXPECT_GT(log_likelihood(dbn->layers()[0], data), -3.7);

  const Tensor samples = dbn->sample(500, 200);
  EXPECT_EQ(samples.sizes(), (at::IntArrayRef{500, 12}));
  const Tensor left = torch::arange(12).lt(6).to(torch::kFloat32);
  const Tensor distance =
      torch::minimum((samples - left).abs().sum(1), (samples - (1 - left)).abs().sum(1));
  EXPECT_LT(distance.mean().item<double>(), 2);  // 0.6 for the data, about 4.6 for coin tosses
  const Tensor means = dbn->sample(50, 50, /*mean_visible=*/true);
  EXPECT_GT(means.min().item<double>(), 0);
  const auto generator = at::detail::createCPUGenerator(1);
  const auto same = at::detail::createCPUGenerator(1);
  EXPECT_TRUE(dbn->sample(5, 3, false, generator).equal(dbn->sample(5, 3, false, same)));

  auto net = dbn->classifier(2);
  EXPECT_TRUE(net->forward(data).eq(0).all().item<bool>());
  torch::optim::Adam optimizer(net->parameters(), 0.05);
  for (int update = 0; update < 50; ++update) {
    optimizer.zero_grad();
    torch::nn::functional::cross_entropy(net->forward(data), labels).backward();
    optimizer.step();
  }
  EXPECT_GT(net->forward(data).argmax(1).eq(labels).to(torch::kFloat64).mean().item<double>(),
            0.97);
}

TEST(Files, KeepAnRBM) {
  const RBM saved(5, 3, RBMOptions{"gaussian:3, categorical(2):2", "spin", true});
  torch::nn::init::normal_(saved->visible_log_precision);
  const std::string path = temporary("rbm.pt");
  save(saved, path);
  save(saved, path);
  const RBM loaded = load_rbm(path);
  const Tensor v = torch::tensor({{0.5, -1.0, 2.0, 0.0, 1.0}});
  EXPECT_TRUE(loaded->free_energy(v).equal(saved->free_energy(v)));
  EXPECT_EQ(loaded->options().visible_units, saved->options().visible_units);
}

TEST(Files, KeepADBN) {
  DBN saved(std::vector<int64_t>{6, 5, 4},
            std::vector<std::string>{"gaussian", "bernoulli", "spin"});
  saved->to(torch::kDouble);
  const std::string path = temporary("dbn.pt");
  save(saved, path);
  DBN loaded = load_dbn(path);
  const Tensor v = torch::randn({3, 6}, torch::kDouble);
  EXPECT_TRUE(loaded->forward(v).equal(saved->forward(v)));
  EXPECT_THROW(static_cast<void>(load_rbm(path)), c10::ValueError);
}

TEST(Files, ThatAreNone) {
  EXPECT_THROW(static_cast<void>(load_rbm(temporary("nowhere.pt"))), c10::ValueError);
  const std::string path = temporary("rubbish.pt");
  std::ofstream(path) << "not a model";
  EXPECT_THROW(static_cast<void>(load_rbm(path)), c10::ValueError);
  EXPECT_THROW(save(RBM(3, 2), temporary("no/such/folder.pt")), c10::ValueError);
}

}  // namespace
}  // namespace torch_rbm
