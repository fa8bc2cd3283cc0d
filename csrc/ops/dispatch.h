// How a public C++ function finds its operator.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace torch_rbm {

/// The typed handle of torch_rbm::`name`.`overload`; keep it in a function-local static.
template <typename Signature>
[[nodiscard]] c10::TypedOperatorHandle<Signature> find_operator(const char* name,
                                                                const char* overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

}  // namespace torch_rbm
