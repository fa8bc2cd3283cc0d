// Runs a model that torch_rbm.deployment.to_package has compiled; no Python is needed.
//
//     run_package MODEL.pt2 INPUTS [ROWS]
//
// It feeds ROWS rows of INPUTS random bits, and prints the first results and the time they took.
// Linking torch_rbm is what makes its operators known to the package.
#include <fmt/core.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/torch.h>

#include <chrono>
#include <exception>
#include <string>
#include <vector>

namespace {

void run(const std::string& path, int64_t inputs, int64_t rows) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(0);
  torch::inductor::AOTIModelPackageLoader model(path);
  const torch::Tensor data = torch::randint(2, {rows, inputs}).to(torch::kFloat32);
  const auto started = std::chrono::steady_clock::now();
  const torch::Tensor result = model.run({data}).at(0);
  const std::chrono::duration<double, std::micro> passed =
      std::chrono::steady_clock::now() - started;
  fmt::print("{} rows to {} values each, {:.1f} microseconds a row\n", rows, result.numel() / rows,
             passed.count() / static_cast<double>(rows));
  constexpr int64_t kShown = 5;
  const torch::Tensor values = result.reshape(-1).slice(0, 0, kShown).to(torch::kFloat64);
  for (int64_t place = 0; place < values.numel(); ++place) {
    fmt::print("{:.6f}\n", values[place].item<double>());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    fmt::print(stderr, "usage: run_package MODEL.pt2 INPUTS [ROWS]\n");
    return 2;
  }
  try {
    constexpr int64_t kRows = 1000;
    run(argv[1], std::stoll(argv[2]), argc == 4 ? std::stoll(argv[3]) : kRows);
  } catch (const c10::Error& error) {
    fmt::print(stderr, "run_package: {}\n", error.what_without_backtrace());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "run_package: {}\n", error.what());
    return 1;
  }
}
