// The derivative of free_energy: ∂F/∂b = -v, ∂F/∂c = -E[h|v], ∂F/∂W = -E[h|v] vᵀ, and
// ∂F/∂v = γ v - b - Wᵀ E[h|v].
#include "autograd/reference_path.h"
#include "ops/checks.h"
#include "reference/formulas.h"
#include <torch_rbm/ops.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace torch_rbm::autograd {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class FreeEnergy : public torch::autograd::Function<FreeEnergy> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& visible, const Tensor& weight,
                        const Tensor& visible_bias, const Tensor& hidden_bias,
                        const std::string& visible_units, const std::string& hidden_units,
                        const std::optional<Tensor>& visible_precision,
                        const std::optional<Tensor>& hidden_precision) {
    ctx->save_for_backward({visible, weight, visible_bias, hidden_bias,
                            visible_precision.value_or(Tensor()),
                            hidden_precision.value_or(Tensor())});
    ctx->saved_data["visible_units"] = visible_units;
    ctx->saved_data["hidden_units"] = hidden_units;
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return torch_rbm::free_energy(
        visible, weight, visible_bias, hidden_bias,
        {visible_units, hidden_units, visible_precision, hidden_precision});
  }

  // Made of differentiable operators on the inputs, so that it can be differentiated again.
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& visible = saved[0];
    const Tensor& weight = saved[1];
    const std::optional<Tensor> visible_precision = if_defined(saved[4]);
    const std::optional<Tensor> hidden_precision = if_defined(saved[5]);
    const reference::Model model(ModelArguments(
        weight, saved[2], saved[3], ctx->saved_data["visible_units"].toStringRef(),
        ctx->saved_data["hidden_units"].toStringRef(), visible_precision, hidden_precision));
    using reference::accumulated;
    const Tensor v = accumulated(visible, weight);
    const Tensor mean = model.hidden->mean(model.hidden_field(v));
    const Tensor negative = -grads[0].unsqueeze(-1);
    const Tensor hidden_grad = negative * mean;

    using reference::as_rows;
    variable_list result(8);
    if (ctx->needs_input_grad(0)) {
      Tensor grad = negative * model.visible_bias + at::linear(hidden_grad, model.weight.t());
      if (const Tensor precision = model.visible->precision(); precision.defined()) {
        grad = grad - negative * v * precision.to(v.options());
      }
      result[0] = grad.to(visible.scalar_type());
    }
    if (ctx->needs_input_grad(1)) {
      result[1] = as_rows(hidden_grad).t().mm(as_rows(v)).to(weight.scalar_type());
    }
    if (ctx->needs_input_grad(2)) {
      result[2] = as_rows(negative * v).sum(0).to(weight.scalar_type());
    }
    if (ctx->needs_input_grad(3)) {
      result[3] = as_rows(hidden_grad).sum(0).to(weight.scalar_type());
    }
    return result;
  }
};

Tensor free_energy_kernel(const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
                          const Tensor& hidden_bias, std::string_view visible_units,
                          std::string_view hidden_units,
                          const std::optional<Tensor>& visible_precision,
                          const std::optional<Tensor>& hidden_precision) {
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::free_energy("free_energy", visible, model);
  if (needs_reference({visible, weight, visible_bias, hidden_bias},
                      {visible_precision, hidden_precision})) {
    return reference::free_energy(visible, reference::Model(model));
  }
  return FreeEnergy::apply(visible, weight, visible_bias, hidden_bias, std::string(visible_units),
                           std::string(hidden_units), visible_precision, hidden_precision);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Autograd, m) {
  m.impl("free_energy", &free_energy_kernel);
}

}  // namespace torch_rbm::autograd
