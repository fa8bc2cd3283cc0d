// The checks that every kernel of an operator runs before any work, whatever the device.
#pragma once

#include "ops/arguments.h"

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace torch_rbm::checks {

using at::Tensor;

template <typename... Args>
[[noreturn]] void value_error(const char* op, fmt::format_string<Args...> format, Args&&... args) {
  C10_THROW_ERROR(ValueError, fmt::format("torch_rbm::{}: {}", op,
                                          fmt::format(format, std::forward<Args>(args)...)));
}

template <typename... Args>
[[noreturn]] void type_error(const char* op, fmt::format_string<Args...> format, Args&&... args) {
  C10_THROW_ERROR(TypeError, fmt::format("torch_rbm::{}: {}", op,
                                         fmt::format(format, std::forward<Args>(args)...)));
}

/// One side of an RBM as an argument list names it.
struct Side {
  const char* states;
  const char* bias;
  const char* units;
  const char* precision;
  int64_t weight_dim;
};
inline constexpr Side kVisible{"visible", "visible_bias", "visible_units", "visible_precision", 1};
inline constexpr Side kHidden{"hidden", "hidden_bias", "hidden_units", "hidden_precision", 0};

/// `key` is an int64 tensor [seed, offset] on `device`.
void key(const char* op, const Tensor& key, const at::Device& device);

// All arguments of one operator, the key excepted.
void log_partition(const char* op, const ModelArguments& model);
void free_energy(const char* op, const Tensor& visible, const ModelArguments& model);
void cumulant(const char* op, const Tensor& field, std::string_view units,
              const std::optional<Tensor>& precision);
void energy(const char* op, const Tensor& visible, const Tensor& hidden,
            const ModelArguments& model);
/// The mean or a sample of layer `to` given states of layer `from`.
void conditional(const char* op, const Side& from, const Tensor& from_states, const Side& to,
                 const Tensor& weight, const LayerArguments& arguments);
void gibbs(const char* op, const Tensor& visible, const ModelArguments& model,
           const c10::SymInt& steps, const std::optional<Tensor>& clamp);
void contrastive_divergence(const char* op, const Tensor& data, const Tensor& chain,
                            const ModelArguments& model, const c10::SymInt& steps,
                            const std::optional<Tensor>& observed, bool mean_visible);
void centered_gradient(const char* op, const Tensor& grad_weight, const Tensor& grad_visible_bias,
                       const Tensor& grad_hidden_bias, const Tensor& visible_offset,
                       const Tensor& hidden_offset);
void annealed_importance_sampling(const char* op, const Tensor& chain, const ModelArguments& model,
                                  const Tensor& base_visible_bias, const Tensor& betas);
void parallel_tempering(const char* op, const Tensor& chain, const ModelArguments& model,
                        const Tensor& base_visible_bias, const Tensor& betas,
                        const c10::SymInt& steps);
void uniform(const char* op, const Tensor& key, const c10::SymInt& rows, const c10::SymInt& units,
             const c10::SymInt& step, int64_t layer);

}  // namespace torch_rbm::checks
