// What the checks of the operators are made of.
#include "ops/check_parts.h"

#include "units/specification.h"

namespace torch_rbm::checks {

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

void same_device(const char* op, const char* name, const Tensor& tensor, const Tensor& other) {
  if (tensor.device() != other.device()) {
    value_error(op, "expected {} on {}, as the other arguments, got {}", name, text(other.device()),
                text(tensor.device()));
  }
}

void same_dtype(const char* op, const char* name, const Tensor& tensor, const char* other_name,
                const Tensor& other) {
  if (tensor.scalar_type() != other.scalar_type()) {
    type_error(op, "expected {} of dtype {}, as {}, got {}", name, dtype(other), other_name,
               dtype(tensor));
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

void real_numbers(const char* op, const char* name, const Tensor& tensor) {
  defined(op, name, tensor);
  switch (tensor.scalar_type()) {
    case at::kFloat:
    case at::kDouble:
    case at::kBFloat16:
    case at::kHalf:
      break;
    default:
      type_error(op, "expected {} of dtype float32, float64, bfloat16 or float16, got {}", name,
                 dtype(tensor));
  }
  strided(op, name, tensor);
}

void unit_types(const char* op, const char* name, std::string_view units, const c10::SymInt& size) {
  if (units == "bernoulli") {
    return;  // whose number of units may be symbolic
  }
  const std::string error = units::parse(units, size.guard_int(__FILE__, __LINE__)).error;
  if (!error.empty()) {
    value_error(op, "expected {} to be {}, got \"{}\"", name, error, units);
  }
}

void steps_count(const char* op, const c10::SymInt& steps) {
  if (!holds(steps.sym_ge(0))) {
    value_error(op, "expected steps >= 0, got {}", text(steps));
  }
}

}  // namespace torch_rbm::checks
