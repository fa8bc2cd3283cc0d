// Autocast: the conditional means run in the lower-precision dtype, as torch.nn.Linear does;
// everything that sums energies or draws samples runs in float32.
#include <ATen/autocast_mode.h>
#include <torch/library.h>

#include <string>

namespace torch_rbm::autocast {

namespace {

enum class Policy : uint8_t { lower_precision, float32 };

/// Casts every floating-point argument and calls the operator again, below autocast.
template <Policy policy, c10::DeviceType device>
void cast_arguments(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard below_autocast(
      at::autocast::get_autocast_dispatch_key_from_device_type(device));
  const at::ScalarType dtype = policy == Policy::float32
                                   ? at::kFloat
                                   : at::autocast::get_lower_precision_fp_from_device_type(device);
  const size_t count = op.schema().arguments().size();
  for (size_t i = 0; i < count; ++i) {
    c10::IValue& argument = torch::jit::peek(*stack, i, count);
    if (argument.isTensor()) {
      argument = at::autocast::cached_cast(dtype, argument.toTensor(), device);
    }
  }
  op.callBoxed(stack);
}

template <c10::DeviceType device>
void register_all(torch::Library& m) {
  for (const char* name : {"hidden_mean", "visible_mean"}) {
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<
                     &cast_arguments<Policy::lower_precision, device>>());
  }
  for (const char* name : {"energy",
                           "cumulant",
                           "free_energy",
                           "log_partition",
                           "moments",
                           "sample_hidden",
                           "sample_hidden.key",
                           "sample_visible",
                           "sample_visible.key",
                           "gibbs",
                           "gibbs.key",
                           "contrastive_divergence_with_means",
                           "contrastive_divergence_with_means.key",
                           "centered_gradient",
                           "annealed_importance_sampling",
                           "annealed_importance_sampling.key",
                           "parallel_tempering",
                           "parallel_tempering.key",
                           "ratings_hidden_mean",
                           "ratings_visible_mean",
                           "ratings_free_energy",
                           "ratings_predict",
                           "ratings_gibbs",
                           "ratings_gibbs.key",
                           "ratings_contrastive_divergence",
                           "ratings_contrastive_divergence.key"}) {
    m.impl(name,
           torch::CppFunction::makeFromBoxedFunction<&cast_arguments<Policy::float32, device>>());
  }
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, AutocastCPU, m) {
  register_all<c10::DeviceType::CPU>(m);
}
TORCH_LIBRARY_IMPL(torch_rbm, AutocastCUDA, m) {
  register_all<c10::DeviceType::CUDA>(m);
}

}  // namespace torch_rbm::autocast
