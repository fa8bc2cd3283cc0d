// The transforms of torch.func that a call is under.
#pragma once

namespace torch_rbm::transforms {

/// Whether any transform is active: grad, jvp, vmap, ...
[[nodiscard]] bool is_active();

/// Whether vmap is active.
[[nodiscard]] bool is_mapped();

}  // namespace torch_rbm::transforms
