// When a differentiable operator must run as its ATen formula.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>

namespace torch_rbm::autograd {

/// A C++ autograd function supports neither the transforms of torch.func nor forward-mode
/// differentiation; the ATen formula supports both. True when one of them is at work.
[[nodiscard]] bool needs_reference(std::initializer_list<at::Tensor> inputs);

}  // namespace torch_rbm::autograd
