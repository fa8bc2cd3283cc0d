#include "nn/values.h"

#include "ops/checks.h"
#include "units/specification.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace torch_rbm {

namespace {

using at::Tensor;

std::string_view expected(std::string_view type) {
  if (type == "bernoulli") {
    return "in [0, 1], binary states or probabilities";
  }
  if (type == "spin") {
    return "in [-1, 1], spins or their means";
  }
  if (type == "categorical") {
    return "to be one-hot, or probabilities that sum to 1, in each categorical unit";
  }
  return type == "relu" ? "to be finite and not negative" : "to be finite";
}

// Which values are right, bool [cases, elements]; comparisons are false for NaN.
Tensor right(const Tensor& values, const units::Group& group) {
  if (group.type == "gaussian") {
    return values.isfinite();
  }
  if (group.type == "relu") {
    return values.isfinite().logical_and_(values >= 0);
  }
  if (group.type == "spin") {
    return values.abs() <= 1;
  }
  const Tensor in_range = (values >= 0).logical_and_(values <= 1);
  if (group.type == "bernoulli") {
    return in_range;
  }
  constexpr double kTolerance = 1e-3;
  const Tensor by_unit = values.to(at::kDouble).unflatten(1, {-1, group.states});
  const Tensor is_one = (by_unit.sum(-1, /*keepdim=*/true) - 1).abs() <=
                        kTolerance * static_cast<double>(group.states);
  return in_range.logical_and(is_one.expand_as(by_unit).flatten(-2));
}

}  // namespace

void check_values(const char* op, std::string_view units, const Tensor& cases) {
  int64_t first = 0;
  for (const units::Group& group : units::parse(units, cases.size(1)).groups) {
    const Tensor values = cases.narrow(1, first, group.size);
    const Tensor wrong = right(values, group).logical_not_();
    if (wrong.any().item<bool>()) {
      const Tensor position = wrong.nonzero()[0];
      const auto row = position[0].item<int64_t>();
      const auto column = position[1].item<int64_t>();
      checks::value_error(op, "expected data {}, got {} at position [{}, {}]", expected(group.type),
                          values[row][column].item<double>(), row, first + column);
    }
    first += group.size;
  }
}

}  // namespace torch_rbm
