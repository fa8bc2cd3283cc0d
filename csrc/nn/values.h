// What data may be, as torch_rbm/units.py checks it for Python.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace torch_rbm {

/// Requires values, [cases, elements], that these units can have, or means of them.
void check_values(const char* op, std::string_view units, const at::Tensor& cases);

}  // namespace torch_rbm
