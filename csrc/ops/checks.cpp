// The checks shared by the operators.
#include "ops/checks.h"

#include "ops/check_parts.h"
#include "units/specification.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace torch_rbm::checks {

namespace {

void weight_matrix(const char* op, const Tensor& weight, const char* name = "weight") {
  real_numbers(op, name, weight);
  if (weight.dim() != 2) {
    value_error(op, "expected {} of shape [hidden, visible], got {}", name, shape(weight));
  }
}

// A vector with a value for each of `size` units, of the dtype and on the device of `like`.
void per_unit(const char* op, const char* name, const Tensor& values, const c10::SymInt& size,
              const char* like_name, const Tensor& like) {
  defined(op, name, values);
  same_dtype(op, name, values, like_name, like);
  if (values.dim() != 1 || !holds(values.sym_size(0).sym_eq(size))) {
    value_error(op, "expected {} of shape [{}], as {} is {}, got {}", name, text(size), like_name,
                shape(like), shape(values));
  }
  same_device(op, name, values, like);
}

void layer(const char* op, const Side& side, const LayerArguments& arguments,
           const Tensor& weight) {
  const c10::SymInt size = weight.sym_size(side.weight_dim);
  per_unit(op, side.bias, arguments.bias, size, "weight", weight);
  if (arguments.precision) {
    per_unit(op, side.precision, *arguments.precision, size, "weight", weight);
  }
  unit_types(op, side.units, arguments.units, size);
}

// A mask of the visible units of `states`.
void mask(const char* op, const char* name, const Tensor& mask, const char* states_name,
          const Tensor& states) {
  defined(op, name, mask);
  if (mask.scalar_type() != at::kBool) {
    type_error(op, "expected {} of dtype torch.bool, got {}", name, dtype(mask));
  }
  const int64_t extra = states.dim() - mask.dim();
  bool fits = extra >= 0;
  for (int64_t i = 0; fits && i < mask.dim(); ++i) {
    const c10::SymInt size = mask.sym_size(i);
    fits = holds(size.sym_eq(1).sym_or(size.sym_eq(states.sym_size(extra + i))));
  }
  if (!fits) {
    value_error(op, "expected {} broadcastable to {} {}, got {}", name, states_name, shape(states),
                shape(mask));
  }
  same_device(op, name, mask, states);
}

enum class Layouts : uint8_t { strided, csr_too };

// `units` is empty where they are not known.
void states(const char* op, const char* name, const Tensor& tensor, const Side& side,
            std::string_view units, const Tensor& weight, Layouts layouts) {
  defined(op, name, tensor);
  const at::ScalarType type = tensor.scalar_type();
  if (type != weight.scalar_type() && type != at::kBool && type != at::kByte) {
    type_error(op, "expected {} of dtype {}, as weight, torch.bool or torch.uint8, got {}", name,
               dtype(weight), dtype(tensor));
  }
  if (type != weight.scalar_type() && !units::has_binary_states(units)) {
    type_error(op, "expected {} of dtype {}, as {} states are not just 0 and 1, got {}", name,
               dtype(weight), units, dtype(tensor));
  }
  const bool csr = layouts == Layouts::csr_too && units::has_binary_states(units);
  if (!csr || tensor.layout() != at::kSparseCsr) {
    strided(op, name, tensor);
  }
  const c10::SymInt size = weight.sym_size(side.weight_dim);
  if (tensor.dim() < 1 || !holds(tensor.sym_size(-1).sym_eq(size))) {
    value_error(op, "expected {} of shape [..., {}], as weight is {}, got {}", name, text(size),
                shape(weight), shape(tensor));
  }
  same_device(op, name, tensor, weight);
}

void seed_and_offset(const char* op, const Tensor& key) {
  defined(op, "key", key);
  if (key.scalar_type() != at::kLong) {
    type_error(op, "expected key of dtype torch.int64, got {}", dtype(key));
  }
  if (key.dim() != 1 || !holds(key.sym_size(0).sym_eq(2))) {
    value_error(op, "expected key of shape [2], the seed and the offset, got {}", shape(key));
  }
}

}  // namespace

void key(const char* op, const Tensor& key, const at::Device& device) {
  seed_and_offset(op, key);
  if (key.device() != device) {
    value_error(op, "expected key on {}, got {}", text(device), text(key.device()));
  }
}

void log_partition(const char* op, const ModelArguments& model) {
  weight_matrix(op, model.weight);
  layer(op, kVisible, model.visible, model.weight);
  layer(op, kHidden, model.hidden, model.weight);
}

void free_energy(const char* op, const Tensor& visible, const ModelArguments& model) {
  log_partition(op, model);
  states(op, kVisible.states, visible, kVisible, model.visible.units, model.weight,
         Layouts::csr_too);
}

void cumulant(const char* op, const Tensor& field, std::string_view units,
              const std::optional<Tensor>& precision) {
  real_numbers(op, "field", field);
  if (field.dim() < 1) {
    value_error(op, "expected field of shape [..., units], got {}", shape(field));
  }
  if (precision) {
    per_unit(op, "precision", *precision, field.sym_size(-1), "field", field);
  }
  unit_types(op, "units", units, field.sym_size(-1));
}

void energy(const char* op, const Tensor& visible, const Tensor& hidden,
            const ModelArguments& model) {
  log_partition(op, model);
  states(op, kVisible.states, visible, kVisible, model.visible.units, model.weight,
         Layouts::strided);
  states(op, kHidden.states, hidden, kHidden, model.hidden.units, model.weight, Layouts::strided);
  const auto batch = [](const Tensor& tensor) {
    return tensor.sym_sizes().slice(0, static_cast<size_t>(tensor.dim()) - 1);
  };
  const auto visible_batch = batch(visible);
  const auto hidden_batch = batch(hidden);
  for (size_t i = 1; i <= std::min(visible_batch.size(), hidden_batch.size()); ++i) {
    const c10::SymInt& a = visible_batch[visible_batch.size() - i];
    const c10::SymInt& b = hidden_batch[hidden_batch.size() - i];
    if (!holds(a.sym_eq(b).sym_or(a.sym_eq(1)).sym_or(b.sym_eq(1)))) {
      value_error(op, "expected as many rows of hidden as of visible, got visible {} and hidden {}",
                  shape(visible), shape(hidden));
    }
  }
}

void conditional(const char* op, const Side& from, const Tensor& from_states, const Side& to,
                 const Tensor& weight, const LayerArguments& arguments) {
  weight_matrix(op, weight);
  layer(op, to, arguments, weight);
  states(op, from.states, from_states, from, /*units=*/"", weight, Layouts::csr_too);
}

void gibbs(const char* op, const Tensor& visible, const ModelArguments& model,
           const c10::SymInt& steps, const std::optional<Tensor>& clamp) {
  log_partition(op, model);
  states(op, kVisible.states, visible, kVisible, model.visible.units, model.weight,
         Layouts::strided);
  steps_count(op, steps);
  if (clamp) {
    mask(op, "clamp", *clamp, kVisible.states, visible);
  }
}

void contrastive_divergence(const char* op, const Tensor& data, const Tensor& chain,
                            const ModelArguments& model, const c10::SymInt& steps,
                            const std::optional<Tensor>& observed, bool mean_visible) {
  log_partition(op, model);
  states(op, "data", data, kVisible, model.visible.units, model.weight, Layouts::csr_too);
  states(op, "chain", chain, kVisible, model.visible.units, model.weight, Layouts::csr_too);
  steps_count(op, steps);
  if (observed) {
    mask(op, "observed", *observed, "data", data);
    mask(op, "observed", *observed, "chain", chain);
  }
  if (mean_visible) {
    strided(op, "chain", chain);
  }
  if (mean_visible && !chain.is_floating_point()) {
    type_error(op,
               "expected chain of dtype {} with mean_visible=True, as means are no states of {}",
               dtype(model.weight), dtype(chain));
  }
}

void centered_gradient(const char* op, const Tensor& grad_weight, const Tensor& grad_visible_bias,
                       const Tensor& grad_hidden_bias, const Tensor& visible_offset,
                       const Tensor& hidden_offset) {
  constexpr auto kWeight = "grad_weight";
  weight_matrix(op, grad_weight, kWeight);
  const std::tuple<const char*, const Tensor&, const Side&> vectors[] = {
      {"grad_visible_bias", grad_visible_bias, kVisible},
      {"grad_hidden_bias", grad_hidden_bias, kHidden},
      {"visible_offset", visible_offset, kVisible},
      {"hidden_offset", hidden_offset, kHidden}};
  for (const auto& [name, values, side] : vectors) {
    per_unit(op, name, values, grad_weight.sym_size(side.weight_dim), kWeight, grad_weight);
  }
}

namespace {

// Models between a base model and a model, and states of theirs.
void path(const char* op, const Tensor& chain, const ModelArguments& model,
          const Tensor& base_visible_bias, const Tensor& betas, int64_t least) {
  log_partition(op, model);
  states(op, "chain", chain, kVisible, model.visible.units, model.weight, Layouts::strided);
  per_unit(op, "base_visible_bias", base_visible_bias, model.weight.sym_size(1), "weight",
           model.weight);
  defined(op, "betas", betas);
  if (betas.scalar_type() != at::kDouble) {
    type_error(op, "expected betas of dtype torch.float64, got {}", dtype(betas));
  }
  if (betas.dim() != 1 || !holds(betas.sym_size(0).sym_ge(least))) {
    value_error(op, "expected betas of shape [{} or more], got {}", least, shape(betas));
  }
  same_device(op, "betas", betas, model.weight);
}

}  // namespace

void annealed_importance_sampling(const char* op, const Tensor& chain, const ModelArguments& model,
                                  const Tensor& base_visible_bias, const Tensor& betas) {
  path(op, chain, model, base_visible_bias, betas, 2);
}

void parallel_tempering(const char* op, const Tensor& chain, const ModelArguments& model,
                        const Tensor& base_visible_bias, const Tensor& betas,
                        const c10::SymInt& steps) {
  path(op, chain, model, base_visible_bias, betas, 1);
  if (chain.dim() != 3 || !holds(chain.sym_size(0).sym_eq(betas.sym_size(0)))) {
    value_error(op, "expected chain of shape [{}, chains, visible], as betas are {}, got {}",
                text(betas.sym_size(0)), shape(betas), shape(chain));
  }
  steps_count(op, steps);
}

void uniform(const char* op, const Tensor& key, const c10::SymInt& rows, const c10::SymInt& units,
             const c10::SymInt& step, int64_t layer) {
  seed_and_offset(op, key);
  for (const auto& [name, value] : {std::pair{"rows", rows}, {"units", units}, {"step", step}}) {
    if (!holds(value.sym_ge(0))) {
      value_error(op, "expected {} >= 0, got {}", name, text(value));
    }
  }
  constexpr int64_t kLayers = 256;
  if (layer < 0 || layer >= kLayers) {
    value_error(op, "expected layer in 0 to {}, got {}", kLayers - 1, layer);
  }
}

}  // namespace torch_rbm::checks
