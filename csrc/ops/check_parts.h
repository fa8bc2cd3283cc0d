// What the checks of the operators are made of.
#pragma once

#include "ops/checks.h"

#include <ATen/core/Tensor.h>
#include <c10/core/SymBool.h>
#include <c10/core/SymInt.h>

#include <sstream>
#include <string>
#include <string_view>

namespace torch_rbm::checks {

template <typename T>
[[nodiscard]] std::string text(const T& value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

[[nodiscard]] std::string dtype(const Tensor& tensor);
[[nodiscard]] std::string shape(const Tensor& tensor);

/// Whether a condition on sizes holds; recorded as a guard under tracing.
[[nodiscard]] bool holds(const c10::SymBool& condition);

void defined(const char* op, const char* name, const Tensor& tensor);
void strided(const char* op, const char* name, const Tensor& tensor);
void same_device(const char* op, const char* name, const Tensor& tensor, const Tensor& other);
void same_dtype(const char* op, const char* name, const Tensor& tensor, const char* other_name,
                const Tensor& other);
/// A strided tensor of one of the floating-point dtypes.
void real_numbers(const char* op, const char* name, const Tensor& tensor);
void unit_types(const char* op, const char* name, std::string_view units, const c10::SymInt& size);
void steps_count(const char* op, const c10::SymInt& steps);

}  // namespace torch_rbm::checks
