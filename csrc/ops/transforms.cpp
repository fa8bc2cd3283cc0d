// The one place that looks at torch.func's dispatch keys, which PyTorch does not promise to keep.
#include "ops/transforms.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

namespace torch_rbm::transforms {

using c10::DispatchKey;
using c10::impl::tls_is_dispatch_key_included;

bool is_active() {
  return tls_is_dispatch_key_included(DispatchKey::FuncTorchDynamicLayerFrontMode) ||
         tls_is_dispatch_key_included(DispatchKey::FuncTorchDynamicLayerBackMode);
}

bool is_mapped() {
  return tls_is_dispatch_key_included(DispatchKey::FuncTorchVmapMode);
}

}  // namespace torch_rbm::transforms
