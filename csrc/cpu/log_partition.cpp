// log_partition on the CPU: log Z of an RBM of units with two states, by enumeration of its smaller
// layer.
#include "cpu/binary_model.h"
#include "cpu/buffer.h"
#include "cpu/capability.h"
#include "cpu/cost.h"
#include "cpu/parallel.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <cmath>
#include <optional>

namespace torch_rbm::cpu {

using at::Tensor;

namespace {

// [states of the low units, low units], 0 and 1.
Tensor low_states() {
  const Tensor states = at::zeros({kLowStates, kLowUnits}, at::kDouble);
  for (int64_t state = 0; state < kLowStates; ++state) {
    for (int64_t unit = 0; unit < kLowUnits; ++unit) {
      states.mutable_data_ptr<double>()[state * kLowUnits + unit] =
          static_cast<double>((state >> unit) & 1);
    }
  }
  return states;
}

// log Z, or nothing where a number is not finite or fields are too large for products of exp.
std::optional<double> fused(const BinaryModel& binary) {
  const reference::Model& model = binary.parameters();
  Tensor weight = model.weight.to(at::kDouble).t();  // [enumerated, others]
  Tensor bias = model.visible_bias.to(at::kDouble);
  Tensor other_bias = model.hidden_bias.to(at::kDouble).contiguous();
  if (model.weight.size(0) <= model.weight.size(1)) {
    weight = weight.t();
    std::swap(bias, other_bias);
    other_bias = other_bias.contiguous();
  }
  // A layer of fewer units than there are low ones gets more, that do nothing but double Z.
  const int64_t added = std::max<int64_t>(kLowUnits - weight.size(0), 0);
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
  const Tensor low_weights = at::exp(low.matmul(bias.narrow(0, 0, kLowUnits))).contiguous();
  const Tensor low_factors =
      at::exp(weight.narrow(0, 0, kLowUnits).t().matmul(low.t())).contiguous();
  const Tensor high_weights = weight.narrow(0, kLowUnits, weight.size(0) - kLowUnits);
  const Tensor high_bias = bias.narrow(0, kLowUnits, weight.size(0) - kLowUnits);
  const EnumeratedLayer layer{weight.size(1),
                              other_bias.const_data_ptr<double>(),
                              high_weights.const_data_ptr<double>(),
                              high_bias.const_data_ptr<double>(),
                              low_weights.const_data_ptr<double>(),
                              low_factors.const_data_ptr<double>(),
                              static_cast<int64_t>(kLargestExponent / (largest + 1))};

  // Pieces of a fixed size, added up in order: the result does not depend on the threads.
  constexpr int64_t kPiece = 1024;
  constexpr double kFactor = 2.0;  // nanoseconds for sixteen states
  const int64_t states = int64_t{1} << high_bias.numel();
  const int64_t pieces = parts(states, kPiece);
  const Tensor sums = at::zeros({pieces}, at::kDouble);
  auto* const out = sums.mutable_data_ptr<double>();
  run_tasks(pieces, kFactor * static_cast<double>(states * layer.others), [&](int64_t piece) {
    const Buffer<double> scratch(2 * layer.others);
    out[piece] = kernels().log_sum_states(layer, piece * kPiece,
                                          std::min((piece + 1) * kPiece, states), scratch.data());
  });
  return sums.logsumexp(0).item<double>() - static_cast<double>(added) * std::log(2.0) -
         binary.energy_offset();
}

Tensor log_partition(const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
                     std::string_view visible_units, std::string_view hidden_units,
                     const std::optional<Tensor>& visible_precision,
                     const std::optional<Tensor>& hidden_precision) {
  constexpr auto kOp = "log_partition";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::log_partition(kOp, arguments);
  const reference::Model model(arguments);
  if (use_kernels() && model.has_two_states() && weight.numel() > 0) {
    reference::check_can_enumerate(kOp, model);
    if (const auto log_z = fused(BinaryModel(model.to(at::kDouble)))) {
      return at::scalar_tensor(*log_z, at::kDouble);
    }
  }
  return reference::log_partition(kOp, model);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("log_partition", &log_partition);
}

}  // namespace torch_rbm::cpu
