// The derivative of log_partition: the moments of the model, ∂log Z/∂W = ⟨h vᵀ⟩, ∂log Z/∂b = ⟨v⟩,
// ∂log Z/∂c = ⟨h⟩; and theirs, as ATen formulas.
#include "autograd/reference_path.h"
#include "ops/checks.h"
#include "reference/formulas.h"
#include <torch_rbm/ops.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace torch_rbm::autograd {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class LogPartition : public torch::autograd::Function<LogPartition> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& weight, const Tensor& visible_bias,
                        const Tensor& hidden_bias, const std::string& visible_units,
                        const std::string& hidden_units,
                        const std::optional<Tensor>& visible_precision,
                        const std::optional<Tensor>& hidden_precision) {
    ctx->saved_data["visible_units"] = visible_units;
    ctx->saved_data["hidden_units"] = hidden_units;
    ctx->save_for_backward({weight, visible_bias, hidden_bias, visible_precision.value_or(Tensor()),
                            hidden_precision.value_or(Tensor())});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return torch_rbm::log_partition(
        weight, visible_bias, hidden_bias,
        {visible_units, hidden_units, visible_precision, hidden_precision});
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& weight = saved[0];
    const Moments moments = torch_rbm::moments(weight, saved[1], saved[2],
                                               {ctx->saved_data["visible_units"].toStringRef(),
                                                ctx->saved_data["hidden_units"].toStringRef(),
                                                if_defined(saved[3]), if_defined(saved[4])});
    const auto result = [&](const Tensor& moment) {
      return (grads[0] * moment).to(weight.scalar_type());
    };
    return {result(moments.weight),
            result(moments.visible),
            result(moments.hidden),
            Tensor(),
            Tensor(),
            Tensor(),
            Tensor()};
  }
};

Tensor log_partition_kernel(const Tensor& weight, const Tensor& visible_bias,
                            const Tensor& hidden_bias, std::string_view visible_units,
                            std::string_view hidden_units,
                            const std::optional<Tensor>& visible_precision,
                            const std::optional<Tensor>& hidden_precision) {
  constexpr auto kOp = "log_partition";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::log_partition(kOp, arguments);
  const reference::Model model(arguments);
  const bool closed_form = model.visible->is_gaussian() && model.hidden->is_gaussian();
  if (closed_form ||
      needs_reference({weight, visible_bias, hidden_bias}, {visible_precision, hidden_precision})) {
    return reference::log_partition(kOp, model);
  }
  return LogPartition::apply(weight, visible_bias, hidden_bias, std::string(visible_units),
                             std::string(hidden_units), visible_precision, hidden_precision);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> moments_kernel(
    const Tensor& weight, const Tensor& visible_bias, const Tensor& hidden_bias,
    std::string_view visible_units, std::string_view hidden_units,
    const std::optional<Tensor>& visible_precision, const std::optional<Tensor>& hidden_precision) {
  constexpr auto kOp = "moments";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::log_partition(kOp, arguments);
  const bool recorded =
      at::GradMode::is_enabled() &&
      (weight.requires_grad() || visible_bias.requires_grad() || hidden_bias.requires_grad());
  if (recorded ||
      needs_reference({weight, visible_bias, hidden_bias}, {visible_precision, hidden_precision})) {
    return reference::moments(kOp, reference::Model(arguments));
  }
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const auto [log_z, pairs, visible, hidden] = torch_rbm::moments(
      weight, visible_bias, hidden_bias,
      {std::string(visible_units), std::string(hidden_units), visible_precision, hidden_precision});
  return {log_z, pairs, visible, hidden};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Autograd, m) {
  m.impl("log_partition", &log_partition_kernel);
  m.impl("moments", &moments_kernel);
}

}  // namespace torch_rbm::autograd
