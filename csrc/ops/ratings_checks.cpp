// The checks of the operators of ratings.
#include "ops/check_parts.h"
#include "ops/ratings.h"

#include <ATen/ops/aminmax.h>
#include <ATen/ops/diff.h>

namespace torch_rbm::checks {

namespace {

void integers(const char* op, const char* name, const Tensor& values, const Tensor& weight) {
  defined(op, name, values);
  if (values.scalar_type() != at::kLong) {
    type_error(op, "expected {} of dtype torch.int64, got {}", name, dtype(values));
  }
  strided(op, name, values);
  if (values.dim() != 1) {
    value_error(op, "expected {} of one dimension, got shape {}", name, shape(values));
  }
  same_device(op, name, values, weight);
}

void rated(const char* op, const RatedArguments& arguments, const Tensor& weight) {
  integers(op, arguments.crow_name, arguments.crow, weight);
  integers(op, arguments.items_name, arguments.items, weight);
  if (!holds(arguments.crow.sym_size(0).sym_ge(1))) {
    value_error(op, "expected {} of shape [cases + 1], got [0]", arguments.crow_name);
  }
}

void weight_array(const char* op, const Tensor& weight) {
  real_numbers(op, "weight", weight);
  if (weight.dim() != 3) {
    value_error(op, "expected weight of shape [items, levels, hidden], got {}", shape(weight));
  }
}

// A parameter of the dtype and on the device of `weight`.
void parameter(const char* op, const char* name, const Tensor& values, const Tensor& weight) {
  defined(op, name, values);
  same_dtype(op, name, values, "weight", weight);
  strided(op, name, values);
  same_device(op, name, values, weight);
}

void visible_bias_array(const char* op, const Tensor& visible_bias, const Tensor& weight) {
  parameter(op, "visible_bias", visible_bias, weight);
  if (visible_bias.dim() != 2 || !holds(visible_bias.sym_size(0).sym_eq(weight.sym_size(0))) ||
      !holds(visible_bias.sym_size(1).sym_eq(weight.sym_size(1)))) {
    value_error(op, "expected visible_bias of shape [{}, {}], as weight is {}, got {}",
                text(weight.sym_size(0)), text(weight.sym_size(1)), shape(weight),
                shape(visible_bias));
  }
}

// As many values of one kind as of another.
void as_many(const char* op, const char* name, const Tensor& values, const char* other_name,
             const Tensor& other) {
  if (!holds(values.sym_size(0).sym_eq(other.sym_size(0)))) {
    value_error(op, "expected as many {} as {}, got {} and {}", name, other_name,
                text(values.sym_size(0)), text(other.sym_size(0)));
  }
}

void hidden_bias_array(const char* op, const Tensor& hidden_bias, const RatedArguments& cases,
                       const Tensor& weight) {
  parameter(op, "hidden_bias", hidden_bias, weight);
  const c10::SymInt hidden = weight.sym_size(2);
  const c10::SymInt count = cases.crow.sym_size(0) - 1;
  const bool fits = (hidden_bias.dim() == 1 ||
                     (hidden_bias.dim() == 2 && holds(hidden_bias.sym_size(0).sym_eq(count)))) &&
                    holds(hidden_bias.sym_size(-1).sym_eq(hidden));
  if (!fits) {
    value_error(op, "expected hidden_bias of shape [{}] or [{}, {}], as weight is {}, got {}",
                text(hidden), text(count), text(hidden), shape(weight), shape(hidden_bias));
  }
}

}  // namespace

void ratings(const char* op, const RatedArguments& cases, const Tensor& levels,
             const RatingsModelArguments& model) {
  weight_array(op, model.weight);
  if (model.visible_bias != nullptr) {
    visible_bias_array(op, *model.visible_bias, model.weight);
  }
  rated(op, cases, model.weight);
  integers(op, "levels", levels, model.weight);
  as_many(op, "levels", levels, "items", cases.items);
  hidden_bias_array(op, model.hidden_bias, cases, model.weight);
  unit_types(op, "hidden_units", model.hidden_units, model.weight.sym_size(2));
}

void ratings_query(const char* op, const RatedArguments& cases, const RatedArguments& query,
                   const Tensor& weight) {
  rated(op, query, weight);
  as_many(op, query.crow_name, query.crow, cases.crow_name, cases.crow);
}

void ratings_visible_mean(const char* op, const RatedArguments& cases, const Tensor& hidden,
                          const Tensor& weight, const Tensor& visible_bias) {
  weight_array(op, weight);
  visible_bias_array(op, visible_bias, weight);
  rated(op, cases, weight);
  parameter(op, "hidden", hidden, weight);
  const c10::SymInt count = cases.crow.sym_size(0) - 1;
  if (hidden.dim() != 2 || !holds(hidden.sym_size(0).sym_eq(count)) ||
      !holds(hidden.sym_size(1).sym_eq(weight.sym_size(2)))) {
    value_error(op, "expected hidden of shape [{}, {}], as crow is {} and weight is {}, got {}",
                text(count), text(weight.sym_size(2)), shape(cases.crow), shape(weight),
                shape(hidden));
  }
}

namespace {

// Whether a tensor has numbers that can be looked at: not while PyTorch traces.
bool has_values(const Tensor& tensor) {
  return !tensor.is_meta() && !tensor.unsafeGetTensorImpl()->is_python_dispatch() &&
         !tensor.key_set().has(c10::DispatchKey::Functionalize);
}

void below(const char* op, const char* name, const Tensor& values, int64_t size, const char* what) {
  if (values.numel() == 0) {
    return;
  }
  const auto [low, high] = at::aminmax(values);
  const auto least = low.item<int64_t>();
  const auto most = high.item<int64_t>();
  if (least < 0 || most >= size) {
    value_error(op, "expected {} in 0 to {}, as weight has {} {}, got {}", name, size - 1, size,
                what, least < 0 ? least : most);
  }
}

}  // namespace

void rated_values(const char* op, const RatedArguments& cases, const Tensor& weight) {
  const Tensor& crow = cases.crow;
  if (!has_values(crow)) {
    return;
  }
  below(op, cases.items_name, cases.items, weight.size(0), "items");
  const auto first = crow[0].item<int64_t>();
  const auto last = crow[-1].item<int64_t>();
  if (first != 0 || last != cases.items.size(0)) {
    value_error(op, "expected {} from 0 to {}, the number of {}, got {} to {}", cases.crow_name,
                cases.items.size(0), cases.items_name, first, last);
  }
  if (crow.size(0) > 1 && std::get<0>(at::aminmax(at::diff(crow))).item<int64_t>() < 0) {
    value_error(op, "expected {} that does not fall", cases.crow_name);
  }
}

void level_values(const char* op, const Tensor& levels, const Tensor& weight) {
  if (has_values(levels)) {
    below(op, "levels", levels, weight.size(1), "levels");
  }
}

}  // namespace torch_rbm::checks
