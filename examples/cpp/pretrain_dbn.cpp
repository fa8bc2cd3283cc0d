// Pretrains a deep belief net and fine-tunes a classifier, without Python.
//
//     pretrain_dbn [FOLDER]
//
// FOLDER holds the four files of MNIST, unpacked (train-images-idx3-ubyte and so on). Without it,
// the program draws its own pictures: digits of seven segments whose pixels are wrong now and then.
// It prints the accuracy with 100 labels, with and without pretraining, and writes dbn.pt, which
// torch_rbm.load reads in Python.
#include <torch_rbm/torch_rbm.h>

#include <fmt/core.h>
#include <torch/torch.h>

#include <array>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace {

using torch::Tensor;

struct Pictures {
  Tensor pixels;  // [cases, pixels] in [0, 1]
  Tensor digits;  // [cases]
};

// Digits of seven segments in 7 rows of 5 pixels.
constexpr int64_t kRows = 7;
constexpr int64_t kColumns = 5;
constexpr int64_t kClasses = 10;

struct Segment {
  int64_t first_row, last_row, first_column, last_column;
};
constexpr std::array<Segment, 7> kSegments = {{{0, 1, 1, 4},
                                               {1, 3, 4, 5},
                                               {4, 6, 4, 5},
                                               {6, 7, 1, 4},
                                               {4, 6, 0, 1},
                                               {1, 3, 0, 1},
                                               {3, 4, 1, 4}}};
constexpr std::array<std::string_view, kClasses> kLit = {
    "012345", "12", "01346", "01236", "1256", "02356", "023456", "012", "0123456", "012356"};

Tensor ideal_digits() {
  Tensor result = torch::zeros({kClasses, kRows, kColumns});
  for (int64_t digit = 0; digit < kClasses; ++digit) {
    for (const char name : kLit.at(static_cast<size_t>(digit))) {
      const Segment& segment = kSegments.at(static_cast<size_t>(name - '0'));
      result[digit]
          .slice(0, segment.first_row, segment.last_row)
          .slice(1, segment.first_column, segment.last_column)
          .fill_(1);
    }
  }
  return result.reshape({kClasses, -1});
}

Pictures noisy_segments(int64_t cases) {
  constexpr double kWrong = 0.12;
  const Tensor digits = torch::randint(kClasses, {cases}, torch::kInt64);
  const Tensor pixels = ideal_digits().index_select(0, digits);
  const Tensor flips = torch::rand_like(pixels).lt(kWrong).to(torch::kFloat32);
  return {(pixels - flips).abs(), digits};
}

Pictures mnist(const std::string& folder, torch::data::datasets::MNIST::Mode mode) {
  const torch::data::datasets::MNIST data(folder, mode);
  return {data.images().flatten(1), data.targets().to(torch::kInt64)};
}

double accuracy(torch::nn::Sequential& net, const Pictures& test) {
  const torch::NoGradGuard no_grad;
  return net->forward(test.pixels)
      .argmax(1)
      .eq(test.digits)
      .to(torch::kFloat64)
      .mean()
      .item<double>();
}

void fine_tune(torch::nn::Sequential& net, const Pictures& train) {
  constexpr int kUpdates = 300;
  constexpr double kLearningRate = 3e-3;
  torch::optim::Adam optimizer(net->parameters(), kLearningRate);
  for (int update = 0; update < kUpdates; ++update) {
    optimizer.zero_grad();
    torch::nn::functional::cross_entropy(net->forward(train.pixels), train.digits).backward();
    optimizer.step();
  }
}

void run(const std::string& folder) {
  constexpr int64_t kLabels = 100;
  constexpr int64_t kCases = 5000;
  constexpr int64_t kHidden = 200;
  using Mode = torch::data::datasets::MNIST::Mode;
  torch::manual_seed(0);
  const Pictures train = folder.empty() ? noisy_segments(kCases) : mnist(folder, Mode::kTrain);
  const Pictures test = folder.empty() ? noisy_segments(kCases) : mnist(folder, Mode::kTest);
  const Pictures labelled{train.pixels.slice(0, 0, kLabels), train.digits.slice(0, 0, kLabels)};

  torch_rbm::DBN dbn(std::vector<int64_t>{train.pixels.size(1), kHidden, kHidden});
  auto plain = dbn->classifier(kClasses);
  fine_tune(plain, labelled);

  torch_rbm::FitOptions options;
  options.epochs = 10;
  options.binarize = true;
  options.on_epoch = [](int64_t epoch, double gap) {
    fmt::print("  epoch {:2d}, energy gap {:7.3f}\n", epoch, gap);
  };
  fmt::print("Pretraining {} layers on {} pictures\n", dbn->layers().size(), train.pixels.size(0));
  dbn->pretrain(train.pixels, options);
  auto pretrained = dbn->classifier(kClasses);
  fine_tune(pretrained, labelled);

  fmt::print("Accuracy on {} pictures with {} labels\n", test.pixels.size(0), kLabels);
  fmt::print("  {:.4f}  from random weights\n", accuracy(plain, test));
  fmt::print("  {:.4f}  pretrained\n", accuracy(pretrained, test));
  torch_rbm::save(dbn, "dbn.pt");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) {
    fmt::print(stderr, "usage: pretrain_dbn [FOLDER]\n");
    return 2;
  }
  try {
    run(argc == 2 ? argv[1] : "");
  } catch (const c10::Error& error) {
    fmt::print(stderr, "pretrain_dbn: {}\n", error.what_without_backtrace());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "pretrain_dbn: {}\n", error.what());
    return 1;
  }
}
