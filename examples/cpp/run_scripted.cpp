// Draws samples from a deep belief net that was scripted and saved in Python; no Python is needed.
//
// The program calls no function of torch_rbm by name: linking the library is what makes its
// operators known to LibTorch.
#include <fmt/core.h>
#include <torch/script.h>

#include <cmath>
#include <exception>
#include <string>
#include <string_view>

namespace {

void print_pictures(const torch::Tensor& pictures) {
  constexpr std::string_view kShades = " .:-=+*#%@";
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(pictures.size(1))));
  for (int64_t row = 0; row < side; ++row) {
    std::string line;
    for (int64_t picture = 0; picture < pictures.size(0); ++picture) {
      for (int64_t column = 0; column < side; ++column) {
        const auto value = pictures[picture][row * side + column].item<float>();
        const auto shade = static_cast<size_t>(value * static_cast<float>(kShades.size() - 1));
        line += std::string(2, kShades[shade]);
      }
      line += "  ";
    }
    fmt::print("{}\n", line);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: run_scripted DBN.pt\n");
    return 2;
  }
  try {
    const torch::jit::Module dbn = torch::jit::load(argv[1]);
    constexpr int64_t kSamples = 6;
    constexpr int64_t kSteps = 2000;
    const auto samples = dbn.get_method("sample")({kSamples, kSteps, /*mean_visible=*/true});
    fmt::print("{} samples from {}\n", kSamples, argv[1]);
    print_pictures(samples.toTensor());
  } catch (const c10::Error& error) {
    fmt::print(stderr, "run_scripted: {}\n", error.what_without_backtrace());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "run_scripted: {}\n", error.what());
    return 1;
  }
}
