// Parallel tempering as an ATen formula, along the path of annealed_importance_sampling.cpp.
//
// States stay where they are and exchange their β's: a state that goes from β to β' adds
// log f_β'(v) - log f_β(v) to the logarithm of the odds (Geyer 1991).
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

namespace torch_rbm::reference {

std::tuple<Tensor, Tensor, Tensor, Tensor> parallel_tempering(const Tensor& chain,
                                                              const Model& model,
                                                              const Tensor& base_visible_bias,
                                                              const Tensor& betas, int64_t steps,
                                                              const Tensor& key) {
  using random::Layer;
  const int64_t levels = chain.size(0);
  const int64_t chains = chain.size(1);
  const auto integers = chain.options().dtype(at::kLong);
  const Tensor bias_difference = (model.visible_bias - base_visible_bias).to(at::kDouble);
  const Tensor pairs = at::arange(levels - 1, integers);

  Tensor visible = accumulated(chain, model.weight).flatten(0, 1).clone();
  // The level of each row, and the row at each level, [levels, chains].
  Tensor level = at::arange(levels, integers).repeat_interleave(chains);
  Tensor row_at = at::arange(levels * chains, integers).view({levels, chains});
  Tensor accepted = at::zeros({levels - 1}, betas.options());
  Tensor proposed = at::zeros({levels - 1}, integers);
  for (int64_t step = 0; step < steps; ++step) {
    const Tensor field = model.hidden_field(visible);
    if (levels > 1) {
      // One number for each pair of levels in each chain, and after them one for the coin.
      const random::Stream numbers{key, step, Layer::swap};
      const Tensor uniforms = numbers.uniform(at::empty({levels * chains + 1, 1}, betas.options()));
      const Tensor odd = (uniforms[levels * chains][0] >= 0.5).to(at::kLong);
      const Tensor chosen = pairs.remainder(2) == odd;  // [levels - 1]
      const Tensor low = row_at.narrow(0, 0, levels - 1);
      const Tensor high = row_at.narrow(0, 1, levels - 1);
      const Tensor wide_fields = field.to(at::kDouble);
      const Tensor bias_energies = at::matmul(visible.to(at::kDouble), bias_difference);
      // What each row adds at the other level of its pair, as its lower and as its upper row.
      const auto change = [&](const Tensor& rows, const Tensor& from, const Tensor& to) {
        const Tensor wide_field = wide_fields.index({rows});
        const Tensor own = from.view({-1, 1, 1});
        const Tensor other = to.view({-1, 1, 1});
        return (other - own).squeeze(-1) * bias_energies.index({rows}) +
               model.hidden->cumulant(other * wide_field) -
               model.hidden->cumulant(own * wide_field);
      };
      const Tensor lower = betas.narrow(0, 0, levels - 1);
      const Tensor upper = betas.narrow(0, 1, levels - 1);
      const Tensor log_odds = change(low, lower, upper) + change(high, upper, lower);
      const Tensor u = uniforms.view({-1}).narrow(0, 0, (levels - 1) * chains).view_as(low);
      const Tensor swap = chosen.unsqueeze(1) & (u.to(at::kDouble).log() < log_odds);
      accepted = accepted + at::where(chosen, log_odds.exp().clamp_max(1).sum(1), 0);
      proposed = proposed + chosen * chains;

      const Tensor none = at::zeros_like(swap.narrow(0, 0, 1));
      const Tensor from_above = at::cat({swap, none});
      const Tensor from_below = at::cat({none, swap});
      row_at = at::where(from_above, row_at.roll(-1, 0),
                         at::where(from_below, row_at.roll(1, 0), row_at));
      level = level.scatter(0, row_at.flatten(),
                            at::arange(levels, integers).repeat_interleave(chains));
    }
    const Tensor scale = betas.index({level}).to(field.scalar_type()).unsqueeze(1);
    const Tensor hidden = sample(*model.hidden, scale * field, {key, step, Layer::hidden});
    visible = sample(*model.visible,
                     (1 - scale) * base_visible_bias + scale * model.visible_field(hidden),
                     {key, step, Layer::visible});
  }
  return {visible.index({row_at}), accepted, proposed,
          row_at.div(std::max<int64_t>(chains, 1), "floor")};
}

namespace {

std::tuple<Tensor, Tensor, Tensor, Tensor> parallel_tempering_kernel(
    const Tensor& chain, const Tensor& weight, const Tensor& visible_bias,
    const Tensor& hidden_bias, const Tensor& base_visible_bias, const Tensor& betas, int64_t steps,
    std::string_view visible_units, std::string_view hidden_units,
    const std::optional<Tensor>& visible_precision, const std::optional<Tensor>& hidden_precision,
    const Tensor& key) {
  constexpr auto kOp = "parallel_tempering";
  const ModelArguments model(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                             visible_precision, hidden_precision);
  checks::parallel_tempering(kOp, chain, model, base_visible_bias, betas, steps);
  checks::key(kOp, key, weight.device());
  const auto [moved, accepted, proposed, origin] = parallel_tempering(
      chain, Model(model), accumulated(base_visible_bias, weight), betas, steps, key);
  return {moved.to(chain.scalar_type()), accepted, proposed, origin};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CompositeExplicitAutograd, m) {
  m.impl("parallel_tempering.key", &parallel_tempering_kernel);
}

TORCH_LIBRARY_IMPL(torch_rbm, FuncTorchBatchedDecomposition, m) {
  m.impl("parallel_tempering.key", &parallel_tempering_kernel);
}

}  // namespace torch_rbm::reference
