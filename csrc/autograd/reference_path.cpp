// The one place that looks at torch.func's dispatch keys, which PyTorch does not promise to keep.
#include "autograd/reference_path.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>

namespace torch_rbm::autograd {

bool needs_reference(std::initializer_list<at::Tensor> inputs,
                     std::initializer_list<std::optional<at::Tensor>> precisions) {
  using c10::DispatchKey;
  using c10::impl::tls_is_dispatch_key_included;
  return tls_is_dispatch_key_included(DispatchKey::FuncTorchDynamicLayerFrontMode) ||
         tls_is_dispatch_key_included(DispatchKey::FuncTorchDynamicLayerBackMode) ||
         std::ranges::any_of(
             inputs,
             [](const at::Tensor& input) { return input._fw_grad(/*level=*/0).defined(); }) ||
         std::ranges::any_of(precisions, [](const std::optional<at::Tensor>& precision) {
           return precision &&
                  (precision->requires_grad() || precision->_fw_grad(/*level=*/0).defined());
         });
}

}  // namespace torch_rbm::autograd
