// annealed_importance_sampling on the CPU; see reference/annealed_importance_sampling.cpp.
#include "cpu/product_threads.h"
#include "cpu/tempered.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

namespace torch_rbm::cpu {

namespace {

using random::Layer;

// Moves some rows along the whole path and adds up their log weights.
template <typename Real>
void walk(const Tempered<Real>& path, const double* betas, int64_t count, const Key& key,
          int64_t first, States& visible, double* log_weight) {
  const Model<Real>& model = path.model();
  const int64_t rows = visible.rows();
  States hidden(rows, model.hidden());
  const Buffer<double> linear(rows);
  const BlockSums changes(rows, model.hidden());
  std::vector<double> from(static_cast<size_t>(rows));
  std::vector<double> to(static_cast<size_t>(rows));
  std::vector<Real> scales(static_cast<size_t>(rows));
  std::fill_n(log_weight, rows, 0.0);
  for (int64_t step = 0; step + 1 < count; ++step) {
    const double change = betas[step + 1] - betas[step];
    std::ranges::fill(from, betas[step]);
    std::ranges::fill(to, betas[step + 1]);
    std::ranges::fill(scales, static_cast<Real>(betas[step + 1]));
    const SampleTo<Real> sample_hidden{hidden, key.draw(step, Layer::hidden, first), scales.data()};
    const bool last = step + 2 == count;  // nothing looks at the states after the last weight
    model.visit_hidden(visible, [&](Block<const Real> fields, int64_t block, int64_t first_row) {
      path.add_changes(fields, block, first_row, from.data(), to.data(), changes);
      if (!last) {
        sample_hidden(fields, block, first_row);
      }
    });
    path.bias_energy(visible, linear.data());
    for (int64_t row = 0; row < rows; ++row) {
      log_weight[row] += changes.add_to(change * linear.data()[row], row);
    }
    if (last) {
      return;
    }
    hidden.prepare();
    model.visit_visible(hidden, SampleTo<Real>{visible, key.draw(step, Layer::visible, first),
                                               scales.data(), path.base()});
    visible.prepare();
  }
}

template <typename Real>
std::optional<std::tuple<Tensor, Tensor>> fused(const Model<Real>& model, const Tensor& chain,
                                                const Tensor& base_bias, const Tensor& betas,
                                                const Key& key) {
  const units::TwoStates& spelled = model.unpacked().visible_states();
  const Tempered<Real> path(model, base_bias);
  const Tensor all_betas = betas.contiguous();
  const Tensor moved = at::empty(chain.sizes(), chain.options());
  const Tensor log_weight = at::empty({chain.size(0)}, betas.options());
  const bool binary = for_each_chunk(chain, spelled, [&](States& visible, int64_t first) {
    walk(path, all_betas.const_data_ptr<double>(), all_betas.numel(), key, first, visible,
         log_weight.mutable_data_ptr<double>() + first);
    visible.write(moved, first, spelled);
  });
  if (!binary) {
    return std::nullopt;
  }
  const double offset = model.unpacked().energy_offset() - energy_of_zeros(base_bias, spelled);
  if (offset != 0) {
    log_weight.add_((all_betas[0] - all_betas[-1]) * offset);
  }
  return std::tuple{log_weight, moved};
}

std::tuple<Tensor, Tensor> annealed_importance_sampling(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas,
    std::string_view visible_units, std::string_view hidden_units,
    const std::optional<Tensor>& visible_precision, const std::optional<Tensor>& hidden_precision,
    const Tensor& key) {
  constexpr auto kOp = "annealed_importance_sampling";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::annealed_importance_sampling(kOp, chain, arguments, base_visible_bias, betas);
  checks::key(kOp, key, weight.device());
  const ProductThreads threads(chain, weight);
  const reference::Model model(arguments);
  const Tensor base_bias = reference::accumulated(base_visible_bias, weight);
  if (use_kernels() && model.has_two_states() && chain.numel() > 0 && hidden_bias.numel() > 0 &&
      (base_bias.isfinite().all() & betas.isfinite().all()).item<bool>()) {
    const auto result =
        with_packed<Model>(BinaryModel(model).less(base_bias), [&](const auto& packed) {
          return fused(packed, reference::as_rows(chain), base_bias, betas, Key(key));
        });
    if (result) {
      const auto& [log_weight, moved] = *result;
      return {log_weight.view(chain.sizes().slice(0, chain.sizes().size() - 1)),
              moved.view(chain.sizes())};
    }
  }
  const auto [log_weight, visible] =
      reference::annealed_importance_sampling(chain, model, base_bias, betas, key);
  return {log_weight, visible.to(chain.scalar_type())};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("annealed_importance_sampling.key", &annealed_importance_sampling);
}

}  // namespace torch_rbm::cpu
