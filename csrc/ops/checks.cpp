// The checks shared by the operators.
#include "ops/checks.h"

#include <algorithm>
#include <sstream>
#include <string>

namespace torch_rbm::checks {

namespace {

template <typename T>
std::string text(const T& value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

std::string dtype(const Tensor& tensor) {
  return "torch." + std::string(c10::getDtypeNames(tensor.scalar_type()).first);
}

std::string shape(const Tensor& tensor) {
  return text(tensor.sym_sizes());
}

// Under tracing a size may be symbolic; expect_true then records the condition as a guard.
bool holds(const c10::SymBool& condition) {
  return condition.expect_true(__FILE__, __LINE__);
}

void same_device(const char* op, const char* name, const Tensor& tensor, const Tensor& weight) {
  if (tensor.device() != weight.device()) {
    value_error(op, "expected {} on {}, the device of weight, got {}", name, text(weight.device()),
                text(tensor.device()));
  }
}

void defined(const char* op, const char* name, const Tensor& tensor) {
  if (!tensor.defined()) {
    type_error(op, "expected {} to be a tensor, got None", name);
  }
}

void strided(const char* op, const char* name, const Tensor& tensor) {
  if (tensor.layout() != at::kStrided) {
    type_error(op, "expected {} of layout torch.strided, got {}", name, text(tensor.layout()));
  }
}

void weight_matrix(const char* op, const Tensor& weight) {
  defined(op, "weight", weight);
  switch (weight.scalar_type()) {
    case at::kFloat:
    case at::kDouble:
    case at::kBFloat16:
    case at::kHalf:
      break;
    default:
      type_error(op, "expected weight of dtype float32, float64, bfloat16 or float16, got {}",
                 dtype(weight));
  }
  strided(op, "weight", weight);
  if (weight.dim() != 2) {
    value_error(op, "expected weight of shape [hidden, visible], got {}", shape(weight));
  }
}

void bias_of(const char* op, const char* name, const Side& side, const Tensor& bias,
             const Tensor& weight) {
  defined(op, name, bias);
  if (bias.scalar_type() != weight.scalar_type()) {
    type_error(op, "expected {} of dtype {}, as weight, got {}", name, dtype(weight), dtype(bias));
  }
  const c10::SymInt size = weight.sym_size(side.weight_dim);
  if (bias.dim() != 1 || !holds(bias.sym_size(0).sym_eq(size))) {
    value_error(op, "expected {} of shape [{}], as weight is {}, got {}", name, text(size),
                shape(weight), shape(bias));
  }
  same_device(op, name, bias, weight);
}

void steps_count(const char* op, const c10::SymInt& steps) {
  if (!holds(steps.sym_ge(0))) {
    value_error(op, "expected steps >= 0, got {}", text(steps));
  }
}

void clamp_mask(const char* op, const Tensor& clamp, const Tensor& visible) {
  if (clamp.scalar_type() != at::kBool) {
    type_error(op, "expected clamp of dtype torch.bool, got {}", dtype(clamp));
  }
  const int64_t extra = visible.dim() - clamp.dim();
  bool fits = extra >= 0;
  for (int64_t i = 0; fits && i < clamp.dim(); ++i) {
    const c10::SymInt size = clamp.sym_size(i);
    fits = holds(size.sym_eq(1).sym_or(size.sym_eq(visible.sym_size(extra + i))));
  }
  if (!fits) {
    value_error(op, "expected clamp broadcastable to visible {}, got {}", shape(visible),
                shape(clamp));
  }
  same_device(op, "clamp", clamp, visible);
}

void parameters(const char* op, const Tensor& weight, const Tensor& visible_bias,
                const Tensor& hidden_bias) {
  weight_matrix(op, weight);
  bias_of(op, kVisible.bias, kVisible, visible_bias, weight);
  bias_of(op, kHidden.bias, kHidden, hidden_bias, weight);
}

void states(const char* op, const char* name, const Tensor& tensor, const Side& side,
            const Tensor& weight) {
  defined(op, name, tensor);
  const at::ScalarType type = tensor.scalar_type();
  if (type != weight.scalar_type() && type != at::kBool && type != at::kByte) {
    type_error(op, "expected {} of dtype {}, as weight, torch.bool or torch.uint8, got {}", name,
               dtype(weight), dtype(tensor));
  }
  strided(op, name, tensor);
  const c10::SymInt size = weight.sym_size(side.weight_dim);
  if (tensor.dim() < 1 || !holds(tensor.sym_size(-1).sym_eq(size))) {
    value_error(op, "expected {} of shape [..., {}], as weight is {}, got {}", name, text(size),
                shape(weight), shape(tensor));
  }
  same_device(op, name, tensor, weight);
}

}  // namespace

const units::UnitType& unit_type(const char* op, const Side& side, std::string_view name) {
  const units::UnitType* const type = units::find(name);
  if (type == nullptr) {
    value_error(op, "expected {} to be one of {}, got \"{}\"", side.units, units::known_names(),
                name);
  }
  return *type;
}

void key(const char* op, const Tensor& key, const at::Device& device) {
  defined(op, "key", key);
  if (key.scalar_type() != at::kLong) {
    type_error(op, "expected key of dtype torch.int64, got {}", dtype(key));
  }
  if (key.dim() != 1 || !holds(key.sym_size(0).sym_eq(2))) {
    value_error(op, "expected key of shape [2], the seed and the offset, got {}", shape(key));
  }
  if (key.device() != device) {
    value_error(op, "expected key on {}, got {}", text(device), text(key.device()));
  }
}

void energy(const char* op, const Tensor& visible, const Tensor& hidden, const Tensor& weight,
            const Tensor& visible_bias, const Tensor& hidden_bias) {
  parameters(op, weight, visible_bias, hidden_bias);
  states(op, kVisible.states, visible, kVisible, weight);
  states(op, kHidden.states, hidden, kHidden, weight);
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

void free_energy(const char* op, const Tensor& visible, const Tensor& weight,
                 const Tensor& visible_bias, const Tensor& hidden_bias,
                 std::string_view visible_units, std::string_view hidden_units) {
  static_cast<void>(unit_type(op, kVisible, visible_units));
  static_cast<void>(unit_type(op, kHidden, hidden_units));
  parameters(op, weight, visible_bias, hidden_bias);
  states(op, kVisible.states, visible, kVisible, weight);
}

void log_partition(const char* op, const Tensor& weight, const Tensor& visible_bias,
                   const Tensor& hidden_bias, std::string_view visible_units,
                   std::string_view hidden_units) {
  static_cast<void>(unit_type(op, kVisible, visible_units));
  static_cast<void>(unit_type(op, kHidden, hidden_units));
  parameters(op, weight, visible_bias, hidden_bias);
}

void conditional(const char* op, const Side& from, const Tensor& from_states, const Side& to,
                 const Tensor& weight, const Tensor& bias, std::string_view units) {
  static_cast<void>(unit_type(op, to, units));
  weight_matrix(op, weight);
  bias_of(op, to.bias, to, bias, weight);
  states(op, from.states, from_states, from, weight);
}

void gibbs(const char* op, const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
           const Tensor& hidden_bias, const c10::SymInt& steps, std::string_view visible_units,
           std::string_view hidden_units, const std::optional<Tensor>& clamp) {
  free_energy(op, visible, weight, visible_bias, hidden_bias, visible_units, hidden_units);
  steps_count(op, steps);
  if (clamp) {
    clamp_mask(op, *clamp, visible);
  }
}

void contrastive_divergence(const char* op, const Tensor& data, const Tensor& chain,
                            const Tensor& weight, const Tensor& visible_bias,
                            const Tensor& hidden_bias, const c10::SymInt& steps,
                            std::string_view visible_units, std::string_view hidden_units,
                            bool mean_visible) {
  log_partition(op, weight, visible_bias, hidden_bias, visible_units, hidden_units);
  states(op, "data", data, kVisible, weight);
  states(op, "chain", chain, kVisible, weight);
  steps_count(op, steps);
  if (mean_visible && !chain.is_floating_point()) {
    type_error(op,
               "expected chain of dtype {} with mean_visible=True, as means are no states of {}",
               dtype(weight), dtype(chain));
  }
}

void annealed_importance_sampling(const char* op, const Tensor& chain, const Tensor& weight,
                                  const Tensor& visible_bias, const Tensor& hidden_bias,
                                  const Tensor& base_visible_bias, const Tensor& betas,
                                  std::string_view visible_units, std::string_view hidden_units) {
  log_partition(op, weight, visible_bias, hidden_bias, visible_units, hidden_units);
  states(op, "chain", chain, kVisible, weight);
  bias_of(op, "base_visible_bias", kVisible, base_visible_bias, weight);
  defined(op, "betas", betas);
  if (betas.scalar_type() != at::kDouble) {
    type_error(op, "expected betas of dtype torch.float64, got {}", dtype(betas));
  }
  if (betas.dim() != 1 || !holds(betas.sym_size(0).sym_ge(2))) {
    value_error(op, "expected betas of shape [2 or more], got {}", shape(betas));
  }
  same_device(op, "betas", betas, weight);
}

void uniform(const char* op, const Tensor& key_tensor, const c10::SymInt& rows,
             const c10::SymInt& units, const c10::SymInt& step, int64_t layer) {
  key(op, key_tensor, key_tensor.device());
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
