// The derivative of the conditional means, with one formula for both layers.
#include "autograd/reference_path.h"
#include "ops/checks.h"
#include "reference/formulas.h"
#include <torch_rbm/ops.h>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace torch_rbm::autograd {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One of the two operators: its name, the layer it starts from and the layer it computes.
struct Direction {
  const char* op;
  const checks::Side& from;
  const checks::Side& to;
  Tensor (*mean)(const Tensor&, const Tensor&, const Tensor&, const LayerUnits&);
};

constexpr Direction kToHidden{"hidden_mean", checks::kVisible, checks::kHidden,
                              &torch_rbm::hidden_mean};
constexpr Direction kToVisible{"visible_mean", checks::kHidden, checks::kVisible,
                               &torch_rbm::visible_mean};

/// weight as [computed layer, given layer].
template <const Direction& direction>
Tensor oriented(const Tensor& weight) {
  return direction.to.weight_dim == 0 ? weight : weight.t();
}

template <const Direction& direction>
class LayerMean : public torch::autograd::Function<LayerMean<direction>> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& states, const Tensor& weight,
                        const Tensor& bias, const std::string& units,
                        const std::optional<Tensor>& precision) {
    ctx->save_for_backward({states, weight, bias, precision.value_or(Tensor())});
    ctx->saved_data["units"] = units;
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return direction.mean(states, weight, bias, {units, precision});
  }

  // Made of differentiable operators on the inputs, so that it can be differentiated again.
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& states = saved[0];
    const Tensor& weight = saved[1];
    const std::optional<Tensor> precision = if_defined(saved[3]);
    const units::Layer units =
        reference::make_layer({saved[2], ctx->saved_data["units"].toStringRef(), precision});
    using reference::accumulated;
    const Tensor w = oriented<direction>(accumulated(weight, weight));
    const Tensor s = accumulated(states, weight);
    const Tensor field = at::linear(s, w, accumulated(saved[2], weight));
    const Tensor field_grad = units->mean_backward(accumulated(grads[0], weight), field);

    using reference::as_rows;
    variable_list result(5);
    if (ctx->needs_input_grad(0)) {
      result[0] = at::linear(field_grad, w.t()).to(states.scalar_type());
    }
    if (ctx->needs_input_grad(1)) {
      result[1] =
          oriented<direction>(as_rows(field_grad).t().mm(as_rows(s))).to(weight.scalar_type());
    }
    if (ctx->needs_input_grad(2)) {
      result[2] = as_rows(field_grad).sum(0).to(weight.scalar_type());
    }
    return result;
  }
};

template <const Direction& direction>
Tensor mean_kernel(const Tensor& states, const Tensor& weight, const Tensor& bias,
                   std::string_view units, const std::optional<Tensor>& precision) {
  const LayerArguments layer{bias, units, precision};
  checks::conditional(direction.op, direction.from, states, direction.to, weight, layer);
  if (needs_reference({states, weight, bias}, {precision})) {
    return reference::layer_mean(states, oriented<direction>(weight), layer);
  }
  return LayerMean<direction>::apply(states, weight, bias, std::string(units), precision);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Autograd, m) {
  m.impl("hidden_mean", &mean_kernel<kToHidden>);
  m.impl("visible_mean", &mean_kernel<kToVisible>);
}

}  // namespace torch_rbm::autograd
