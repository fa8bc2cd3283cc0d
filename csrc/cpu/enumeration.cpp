// What the kernels that enumerate a layer ask for.
#include "cpu/enumeration.h"

#include "cpu/cost.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace torch_rbm::cpu {

std::optional<Enumeration> Enumeration::of(const char* op, const reference::Model& given) {
  if (!use_kernels() || !given.has_two_states() || given.weight.numel() == 0) {
    return std::nullopt;
  }
  reference::check_can_enumerate(op, given);
  Enumeration result(given);
  const reference::Model& model = result.binary_.parameters();
  Tensor weight = model.weight.t();  // [enumerated, others]
  Tensor bias = model.visible_bias;
  Tensor other_bias = model.hidden_bias;
  result.hidden_ = model.weight.size(0) <= model.weight.size(1);
  if (result.hidden_) {
    weight = weight.t();
    std::swap(bias, other_bias);
  }
  result.units_ = weight.size(0);
  // A layer of fewer units than there are low ones gets more, that do nothing but double Z.
  const int64_t added = std::max<int64_t>(kLowUnits - result.units_, 0);
  weight = at::cat({weight, at::zeros({added, weight.size(1)}, at::kDouble)}).contiguous();
  bias = at::cat({bias, at::zeros({added}, at::kDouble)}).contiguous();

  // 1 + exp(field) < exp(largest + 1), and products of such factors stay below exp(700); the field
  // is the sum of two parts of which neither may overflow.
  constexpr double kLargestExponent = 700;
  const double largest = (weight.abs().sum(0) + other_bias.abs()).max().item<double>() +
                         bias.abs().sum().item<double>();
  if (!(2 * largest < kLargestExponent)) {
    return std::nullopt;
  }
  const Tensor low = low_states();
  const int64_t high_units = weight.size(0) - kLowUnits;
  result.low_weights_ = at::exp(low.matmul(bias.narrow(0, 0, kLowUnits))).contiguous();
  result.low_factors_ = at::exp(weight.narrow(0, 0, kLowUnits).t().matmul(low.t())).contiguous();
  result.high_weights_ = weight.narrow(0, kLowUnits, high_units);
  result.high_bias_ = bias.narrow(0, kLowUnits, high_units);
  result.other_bias_ = other_bias.contiguous();
  result.layer_ = {weight.size(1),
                   high_units,
                   result.other_bias_.const_data_ptr<double>(),
                   result.high_weights_.const_data_ptr<double>(),
                   result.high_bias_.const_data_ptr<double>(),
                   result.low_weights_.const_data_ptr<double>(),
                   result.low_factors_.const_data_ptr<double>(),
                   static_cast<int64_t>(kLargestExponent / (largest + 1))};
  return result;
}

double Enumeration::log_z_offset() const {
  const auto added = static_cast<double>(std::max<int64_t>(kLowUnits - units_, 0));
  return -added * std::log(2.0) - binary_.energy_offset();
}

double Enumeration::cost() const {
  constexpr double kFactor = 2.0;  // nanoseconds for sixteen states
  return kFactor * static_cast<double>(layer_.others);
}

Tensor Enumeration::low_states() {
  const Tensor states = at::zeros({kLowStates, kLowUnits}, at::kDouble);
  for (int64_t state = 0; state < kLowStates; ++state) {
    for (int64_t unit = 0; unit < kLowUnits; ++unit) {
      states.mutable_data_ptr<double>()[state * kLowUnits + unit] =
          static_cast<double>((state >> unit) & 1);
    }
  }
  return states;
}

}  // namespace torch_rbm::cpu
