// The operators that record nothing: samples of discrete states have no derivative, and
// contrastive divergence is itself the gradient, as is what centring makes of it.
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include <string>

namespace torch_rbm::autograd {

namespace {

void record_nothing(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                    torch::jit::Stack* stack) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  op.redispatchBoxed(keys & c10::after_autograd_keyset, stack);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, Autograd, m) {
  for (const char* name :
       {"sample_hidden", "sample_visible", "gibbs", "contrastive_divergence_with_means",
        "annealed_importance_sampling", "parallel_tempering", "ratings_gibbs",
        "ratings_contrastive_divergence"}) {
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&record_nothing>());
    m.impl((std::string(name) + ".key").c_str(),
           torch::CppFunction::makeFromBoxedFunction<&record_nothing>());
  }
  for (const char* name : {"centered_gradient", "uniform"}) {
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&record_nothing>());
  }
}

}  // namespace torch_rbm::autograd
