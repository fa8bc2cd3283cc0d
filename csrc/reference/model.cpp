// The parameters of an RBM as the reference formulas use them.
#include "reference/model.h"

#include "ops/checks.h"

#include <ATen/ops/linear.h>

namespace torch_rbm::reference {

Tensor accumulated(const Tensor& tensor, const Tensor& weight) {
  return tensor.to(weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

Tensor as_rows(const Tensor& states) {
  return states.dim() == 1 ? states.unsqueeze(0) : states.flatten(0, -2);
}

Tensor Model::hidden_field(const Tensor& visible_states) const {
  return at::linear(visible_states, weight, hidden_bias);
}

Tensor Model::visible_field(const Tensor& hidden_states) const {
  return at::linear(hidden_states, weight.t(), visible_bias);
}

Model make_model(const char* op, const Tensor& weight, const Tensor& visible_bias,
                 const Tensor& hidden_bias, std::string_view visible_units,
                 std::string_view hidden_units) {
  return {accumulated(weight, weight), accumulated(visible_bias, weight),
          accumulated(hidden_bias, weight), checks::unit_type(op, checks::kVisible, visible_units),
          checks::unit_type(op, checks::kHidden, hidden_units)};
}

}  // namespace torch_rbm::reference
