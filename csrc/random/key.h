// Keys: the [seed, offset] pairs that samplers draw their random numbers from.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>

namespace torch_rbm::random {

/// One new key, int64 [seed, 0]: 64 random bits from the generator, or from the default one of
/// `device`. This is the only draw that a call of a sampling operator makes from a generator.
[[nodiscard]] at::Tensor draw_key(const std::optional<at::Generator>& generator,
                                  const at::Device& device);

}  // namespace torch_rbm::random
