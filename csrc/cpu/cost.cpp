// The cheaper way of a product, by the costs that the kernels state.
#include "cpu/cost.h"

#include "cpu/capability.h"

#include <cstdlib>
#include <string_view>

namespace torch_rbm::cpu {

namespace {

std::string_view override_path() {
  const char* const value = std::getenv("TORCH_RBM_CPU_PATH");
  return value == nullptr ? std::string_view() : std::string_view(value);
}

double panel_cost(Path path, int64_t active, int64_t rows, int64_t words) {
  const Costs& costs = kernels().costs;
  return path == Path::rows
             ? static_cast<double>(active) * costs.row_addition
             : static_cast<double>(words) *
                   (static_cast<double>(rows) * costs.table_word + costs.table_build);
}

}  // namespace

bool use_kernels() {
  return override_path() != "reference";
}

Path choose_path(int64_t active, int64_t rows, int64_t words) {
  if (override_path() == "rows") {
    return Path::rows;
  }
  if (override_path() == "tables") {
    return Path::tables;
  }
  return panel_cost(Path::rows, active, rows, words) < panel_cost(Path::tables, active, rows, words)
             ? Path::rows
             : Path::tables;
}

double product_cost(Path path, int64_t active, int64_t rows, int64_t words, int64_t outputs) {
  const int64_t panels = parts(outputs, kPanelUnits);
  return panel_cost(path, active, rows, words) * static_cast<double>(panels);
}

bool packing_pays(int64_t rows, int64_t weights) {
  // Nanoseconds: to pack a weight, to multiply it with the state of a row in a dense product, and
  // to call the tensor operations that a kernel takes the place of.
  constexpr double kPack = 0.25;
  constexpr double kMultiply = 0.01;
  constexpr double kCalls = 10'000;
  const double saved = kMultiply * static_cast<double>(rows) - kPack;
  return weights > 0 && saved * static_cast<double>(weights) + kCalls > 0;
}

double units_cost(int64_t rows, int64_t outputs) {
  constexpr double kUnit = 1.0;
  return kUnit * static_cast<double>(rows) * static_cast<double>(outputs);
}

}  // namespace torch_rbm::cpu
