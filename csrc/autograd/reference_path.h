// When a differentiable operator must run as its ATen formula.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <optional>

namespace torch_rbm::autograd {

/// A C++ autograd function supports neither the transforms of torch.func nor forward-mode
/// differentiation, and ours have no derivative for precisions; the ATen formula has all of them.
/// True when it is needed.
[[nodiscard]] bool needs_reference(std::initializer_list<at::Tensor> inputs,
                                   std::initializer_list<std::optional<at::Tensor>> precisions);

}  // namespace torch_rbm::autograd
