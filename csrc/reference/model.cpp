// The parameters of an RBM as the reference formulas use them.
#include "reference/model.h"

#include "units/specification.h"

#include <ATen/ops/linear.h>

#include <utility>

namespace torch_rbm::reference {

Tensor accumulated(const Tensor& tensor, const Tensor& weight) {
  const Tensor dense = tensor.layout() == at::kSparseCsr ? tensor.to_dense() : tensor;
  return dense.to(weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

Tensor as_rows(const Tensor& states) {
  if (states.dim() == 2) {
    return states;
  }
  return states.dim() == 1 ? states.unsqueeze(0) : states.flatten(0, -2);
}

units::Layer make_layer(const LayerArguments& arguments) {
  return make_layer(arguments.units, arguments.bias.size(0), arguments.precision);
}

units::Layer make_layer(std::string_view units, int64_t size,
                        const std::optional<Tensor>& precision) {
  return units::make_layer(units, size, precision.value_or(Tensor()));
}

Model::Model(const ModelArguments& arguments)
    : Model(accumulated(arguments.weight, arguments.weight),
            accumulated(arguments.visible.bias, arguments.weight),
            accumulated(arguments.hidden.bias, arguments.weight), make_layer(arguments.visible),
            make_layer(arguments.hidden)) {}

Model::Model(Tensor weight_matrix, Tensor visible_biases, Tensor hidden_biases,
             units::Layer visible_units, units::Layer hidden_units)
    : weight(std::move(weight_matrix)),
      visible_bias(std::move(visible_biases)),
      hidden_bias(std::move(hidden_biases)),
      visible(std::move(visible_units)),
      hidden(std::move(hidden_units)) {}

Tensor Model::hidden_field(const Tensor& visible_states) const {
  return at::linear(visible_states, weight, hidden_bias);
}

Tensor Model::visible_field(const Tensor& hidden_states) const {
  return at::linear(hidden_states, weight.t(), visible_bias);
}

}  // namespace torch_rbm::reference
