// The derivative of free_energy: ∂F/∂b = -v, ∂F/∂c = -E[h|v], ∂F/∂W = -E[h|v] vᵀ, and
// ∂F/∂v = -b - Wᵀ E[h|v].
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
                        const std::string& visible_units, const std::string& hidden_units) {
    ctx->save_for_backward({visible, weight, visible_bias, hidden_bias});
    ctx->saved_data["hidden_units"] = hidden_units;
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return torch_rbm::free_energy(visible, weight, visible_bias, hidden_bias,
                                  {visible_units, hidden_units});
  }

  // Made of differentiable operators on the inputs, so that it can be differentiated again.
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& visible = saved[0];
    const Tensor& weight = saved[1];
    const auto& hidden = checks::unit_type("free_energy", checks::kHidden,
                                           ctx->saved_data["hidden_units"].toStringRef());
    using reference::accumulated;
    const Tensor w = accumulated(weight, weight);
    const Tensor v = accumulated(visible, weight);
    const Tensor mean = hidden.mean(at::linear(v, w, accumulated(saved[3], weight)));
    const Tensor negative = -grads[0].unsqueeze(-1);
    const Tensor hidden_grad = negative * mean;

    using reference::as_rows;
    variable_list result(6);
    if (ctx->needs_input_grad(0)) {
      result[0] = (negative * accumulated(saved[2], weight) + at::linear(hidden_grad, w.t()))
                      .to(visible.scalar_type());
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
                          std::string_view hidden_units) {
  constexpr auto kOp = "free_energy";
  checks::free_energy(kOp, visible, weight, visible_bias, hidden_bias, visible_units, hidden_units);
  if (needs_reference({visible, weight, visible_bias, hidden_bias})) {
    return reference::free_energy(
        visible,
        reference::make_model(kOp, weight, visible_bias, hidden_bias, visible_units, hidden_units));
  }
  return FreeEnergy::apply(visible, weight, visible_bias, hidden_bias, std::string(visible_units),
                           std::string(hidden_units));
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Autograd, m) {
  m.impl("free_energy", &free_energy_kernel);
}

}  // namespace torch_rbm::autograd
