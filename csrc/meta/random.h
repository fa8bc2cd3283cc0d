// The last argument of a sampler's two overloads, whose results are the same.
#pragma once

#include "ops/checks.h"
#include "ops/signatures.h"

#include <ATen/core/Tensor.h>

namespace torch_rbm::meta {

/// Only a key needs a check.
inline void check_random(const char* op, const at::Tensor& key, const at::Tensor& weight) {
  checks::key(op, key, weight.device());
}
inline void check_random(const char* /*op*/, const signatures::Generator& /*generator*/,
                         const at::Tensor& /*weight*/) {}

}  // namespace torch_rbm::meta
