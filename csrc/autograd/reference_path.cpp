#include "autograd/reference_path.h"

#include "ops/transforms.h"

#include <algorithm>

namespace torch_rbm::autograd {

bool needs_reference(std::initializer_list<at::Tensor> inputs,
                     std::initializer_list<std::optional<at::Tensor>> precisions) {
  return transforms::is_active() ||
         std::ranges::any_of(
             inputs,
             [](const at::Tensor& input) { return input._fw_grad(/*level=*/0).defined(); }) ||
         std::ranges::any_of(precisions, [](const std::optional<at::Tensor>& precision) {
           return precision &&
                  (precision->requires_grad() || precision->_fw_grad(/*level=*/0).defined());
         });
}

}  // namespace torch_rbm::autograd
