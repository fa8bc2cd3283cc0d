// log_partition on the CPU: log Z of an RBM of units with two states, by enumeration of its smaller
// layer.
#include "cpu/buffer.h"
#include "cpu/capability.h"
#include "cpu/enumeration.h"
#include "cpu/parallel.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <optional>

namespace torch_rbm::cpu {

namespace {

// Pieces of a fixed size, added up in order: the result does not depend on the threads.
double log_sum(const Enumeration& enumeration) {
  constexpr int64_t kPiece = 1024;
  const int64_t states = enumeration.high_states();
  const int64_t pieces = parts(states, kPiece);
  const Tensor sums = at::zeros({pieces}, at::kDouble);
  auto* const out = sums.mutable_data_ptr<double>();
  run_tasks(pieces, enumeration.cost() * static_cast<double>(states), [&](int64_t piece) {
    const Buffer<double> scratch(2 * enumeration.layer().others);
    out[piece] = kernels().log_sum_states(enumeration.layer(), piece * kPiece,
                                          std::min((piece + 1) * kPiece, states), scratch.data());
  });
  return sums.logsumexp(0).item<double>() + enumeration.log_z_offset();
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
  if (const auto enumeration = Enumeration::of(kOp, model)) {
    return at::scalar_tensor(log_sum(*enumeration), at::kDouble);
  }
  return reference::log_partition(kOp, model);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("log_partition", &log_partition);
}

}  // namespace torch_rbm::cpu
