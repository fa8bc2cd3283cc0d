// The two overloads of a sampling operator behind one C++ call.
#pragma once

#include "ops/checks.h"
#include "ops/dispatch.h"
#include "ops/signatures.h"
#include <torch_rbm/ops.h>

#include <string>
#include <utility>

namespace torch_rbm {

/// `Signature` is one of the templates of signatures.h over the source of random numbers.
template <template <typename> typename Signature>
class Sampler {
 public:
  explicit Sampler(const char* op)
      : op_(op),
        name_(std::string("torch_rbm::") + op),
        from_generator_(find_operator<Signature<signatures::Generator>>(name_.c_str())),
        from_key_(find_operator<Signature<const Tensor&>>(name_.c_str(), "key")) {}

  /// The overload that `random` asks for.
  template <typename... Args>
  auto operator()(const Random& random, Args&&... args) const {
    if (random.key && random.generator) {
      checks::value_error(op_, "expected a generator or a key, got both");
    }
    return random.key ? from_key_.call(std::forward<Args>(args)..., *random.key)
                      : from_generator_.call(std::forward<Args>(args)..., random.generator);
  }

 private:
  const char* op_;
  std::string name_;
  c10::TypedOperatorHandle<Signature<signatures::Generator>> from_generator_;
  c10::TypedOperatorHandle<Signature<const Tensor&>> from_key_;
};

}  // namespace torch_rbm
