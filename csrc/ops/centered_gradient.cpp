// centered_gradient as a C++ function.
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include <torch_rbm/ops.h>

namespace torch_rbm {

CenteredGradient centered_gradient(const Tensor& grad_weight, const Tensor& grad_visible_bias,
                                   const Tensor& grad_hidden_bias, const Tensor& visible_offset,
                                   const Tensor& hidden_offset) {
  static const auto op =
      find_operator<signatures::CenteredGradient>("torch_rbm::centered_gradient");
  auto [weight, visible_bias, hidden_bias] =
      op.call(grad_weight, grad_visible_bias, grad_hidden_bias, visible_offset, hidden_offset);
  return {std::move(weight), std::move(visible_bias), std::move(hidden_bias)};
}

}  // namespace torch_rbm
