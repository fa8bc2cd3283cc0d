// free_energy on the CPU.
#include "cpu/model.h"
#include "cpu/product_threads.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

namespace torch_rbm::cpu {

namespace {

// -bᵀv - Σ softplus(c + Wv) for the rows of `visible`, float64; nothing where the kernels do not
// apply.
template <typename Real>
std::optional<Tensor> fused(const Product<Real>& product, const Tensor& visible,
                            const BinaryModel& model) {
  const Tensor visible_bias = model.parameters().visible_bias.to(at::kDouble).contiguous();
  const std::span biases(visible_bias.const_data_ptr<double>(),
                         static_cast<size_t>(visible_bias.numel()));
  if (!std::ranges::all_of(biases, [](double value) { return std::isfinite(value); })) {
    return std::nullopt;
  }
  const Tensor energies = at::empty({visible.size(0)}, visible_bias.options());
  const bool binary =
      for_each_chunk(visible, model.visible_states(), [&](const States& chunk, int64_t first) {
        const BlockSums sums(chunk.rows(), product.outputs());
        product.for_each_block(
            chunk, [&](Block<const Real> fields, int64_t block, int64_t first_row) {
              kernels().real<Real>().softplus_sum(
                  fields, std::min(kBlockUnits, product.outputs() - block * kBlockUnits),
                  sums.at(block, first_row), sums.stride());
            });
        double* const out = energies.mutable_data_ptr<double>() + first;
        kernels().dot(chunk.bits(), biases.data(), out);
        for (int64_t row = 0; row < chunk.rows(); ++row) {
          out[row] = model.energy_offset() - sums.add_to(out[row], row);
        }
      });
  return binary ? std::optional(energies) : std::nullopt;
}

Tensor free_energy(const Tensor& visible, const Tensor& weight, const Tensor& visible_bias,
                   const Tensor& hidden_bias, std::string_view visible_units,
                   std::string_view hidden_units, const std::optional<Tensor>& visible_precision,
                   const std::optional<Tensor>& hidden_precision) {
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::free_energy("free_energy", visible, arguments);
  const ProductThreads threads(visible, weight);
  const reference::Model model(arguments);
  const Tensor rows = reference::as_rows(visible);
  if (use_kernels() && model.hidden->two_states() && !model.visible->precision().defined() &&
      packing_pays(rows.size(0), weight.numel())) {
    const BinaryModel binary(model);
    const auto energies =
        with_packed<Product>(Direction{binary.parameters().weight, binary.parameters().hidden_bias},
                             [&](const auto& product) { return fused(product, rows, binary); });
    if (energies) {
      return energies->view(visible.sizes().slice(0, visible.sizes().size() - 1))
          .to(model.weight.scalar_type());
    }
  }
  return reference::free_energy(visible, model);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("free_energy", &free_energy);
}
TORCH_LIBRARY_IMPL(torch_rbm, SparseCsrCPU, m) {
  m.impl("free_energy", &free_energy);
}

}  // namespace torch_rbm::cpu
