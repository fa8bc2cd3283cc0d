// gibbs on the CPU.
#include "cpu/model.h"
#include "cpu/product_threads.h"
#include "ops/checks.h"
#include "reference/formulas.h"
#include "units/specification.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

namespace torch_rbm::cpu {

namespace {

using random::Layer;

// Given states and the mask of those that keep them.
struct Clamp {
  States given;
  States mask;
};

// Moves `chain`, whose first row has number `first`, by move(hidden, step), which draws the visible
// states; returns the hidden states that they were drawn from.
template <typename Real, typename Move>
States walk(const Model<Real>& model, int64_t steps, const Key& key, int64_t first,
            const Visible& chain, const Move& move) {
  States hidden(chain.states.rows(), model.hidden());
  for (int64_t step = 0; step < std::max<int64_t>(steps, 1); ++step) {
    model.visit_hidden(chain, SampleTo<Real>{hidden, key.draw(step, Layer::hidden, first)});
    if (steps == 0) {
      break;
    }
    hidden.prepare();
    move(hidden, step);
  }
  return hidden;
}

// Walks the rows of `visible` from `first` on and writes the two results; false when a clamp would
// have to keep states that are not binary.
template <typename Real>
bool walk_bernoulli(const Model<Real>& model, const Tensor& visible,
                    const std::optional<Tensor>& clamp, int64_t steps, const Key& key,
                    int64_t first, Visible chain, const Tensor& visible_out,
                    const Tensor& hidden_out) {
  const int64_t last = first + chain.states.rows();
  std::optional<Clamp> kept;
  if (clamp) {
    kept.emplace(
        Clamp{States(last - first, model.visible()), States(last - first, model.visible())});
    if (!kept->given.read(visible, first, model.unpacked().visible_states()) ||
        !kept->mask.read(*clamp, first)) {
      return false;
    }
  }
  const auto move = [&](const States& hidden, int64_t step) {
    const SampleTo<Real> sample{chain.states, key.draw(step, Layer::visible, first)};
    model.visit_visible(hidden, [&](Block<const Real> fields, int64_t block, int64_t first_row) {
      sample(fields, block, first_row);
      if (kept) {
        const int64_t last_row = first_row + fields.rows;
        kernels().clamp(kept->given.bits().from(first_row, last_row),
                        kept->mask.bits().from(first_row, last_row), block,
                        chain.states.bits().from(first_row, last_row));
      }
    });
    chain.dense.reset();
    if (step + 1 < steps) {
      chain.states.prepare();
    }
  };
  walk(model, steps, key, first, chain, move)
      .write(hidden_out, first, model.unpacked().hidden_states());
  if (chain.binary()) {
    model.write(chain, visible_out, first);
  } else {
    visible_out.narrow(0, first, last - first).copy_(visible.narrow(0, first, last - first));
  }
  return true;
}

// The same for visible units of other types, which are sampled by tensor operations.
template <typename Real>
void walk_others(const Model<Real>& model, const Tensor& visible,
                 const std::optional<Tensor>& clamp, int64_t steps, const Key& key, int64_t first,
                 Visible chain, const Tensor& visible_out, const Tensor& hidden_out) {
  const int64_t rows = chain.states.rows();
  const Tensor given = visible.narrow(0, first, rows);
  const Tensor out = visible_out.narrow(0, first, rows);
  out.copy_(given);
  const auto move = [&](const States& hidden, int64_t step) {
    chain = model.draw_visible(hidden, key.draw(step, Layer::visible, first), /*mean=*/false);
    model.write(chain, visible_out, first);
    if (clamp) {
      out.copy_(at::where(clamp->narrow(0, first, rows), given, out));
      chain = model.read(visible_out, first, first + rows);
    }
  };
  walk(model, steps, key, first, chain, move)
      .write(hidden_out, first, model.unpacked().hidden_states());
}

template <typename Real>
std::optional<std::tuple<Tensor, Tensor>> fused(const Model<Real>& model, const Tensor& visible,
                                                const std::optional<Tensor>& clamp, int64_t steps,
                                                const Key& key, at::ScalarType hidden_dtype) {
  const int64_t rows = visible.size(0);
  const Tensor visible_out = at::empty({rows, model.visible()}, visible.options());
  const Tensor hidden_out =
      at::empty({rows, model.hidden()}, visible.options().dtype(hidden_dtype));
  if (!model.parameters().visible->is_bernoulli()) {
    for (int64_t first = 0; first < rows; first += kChunkRows) {
      walk_others(model, visible, clamp, steps, key, first,
                  model.read(visible, first, std::min(first + kChunkRows, rows)), visible_out,
                  hidden_out);
    }
    return std::tuple{visible_out, hidden_out};
  }
  const auto walk_from = [&](int64_t first, Visible chain) {
    return walk_bernoulli(model, visible, clamp, steps, key, first, std::move(chain), visible_out,
                          hidden_out);
  };
  // With many rows each thread takes its own through all steps and waits for no other. Tensor
  // operations, which other states than binary ones need, have no place in a thread of its own.
  constexpr int64_t kPieceRows = 256;
  if (const int64_t pieces = parts(rows, kPieceRows);
      pieces >= int64_t{2} * at::get_num_threads()) {
    std::atomic<bool> done{true};
    run_tasks(pieces, kParallelWork, [&](int64_t i) {
      const int64_t first = i * kPieceRows;
      auto chain = model.read_binary(visible, first, std::min(first + kPieceRows, rows));
      if (!done || !chain || !walk_from(first, std::move(*chain))) {
        done = false;
      }
    });
    if (done) {
      return std::tuple{visible_out, hidden_out};
    }
  }
  for (int64_t first = 0; first < rows; first += kChunkRows) {
    if (!walk_from(first, model.read(visible, first, std::min(first + kChunkRows, rows)))) {
      return std::nullopt;
    }
  }
  return std::tuple{visible_out, hidden_out};
}

std::tuple<Tensor, Tensor> gibbs(const Tensor& visible, const Tensor& weight,
                                 const Tensor& visible_bias, const Tensor& hidden_bias,
                                 int64_t steps, std::string_view visible_units,
                                 std::string_view hidden_units,
                                 const std::optional<Tensor>& visible_precision,
                                 const std::optional<Tensor>& hidden_precision,
                                 const std::optional<Tensor>& clamp, const Tensor& key) {
  constexpr auto kOp = "gibbs";
  const ModelArguments arguments(weight, visible_bias, hidden_bias, visible_units, hidden_units,
                                 visible_precision, hidden_precision);
  checks::gibbs(kOp, visible, arguments, steps, clamp);
  checks::key(kOp, key, weight.device());
  const ProductThreads threads(visible, weight);
  const reference::Model model(arguments);
  using reference::as_rows;
  const at::ScalarType hidden_dtype = units::sample_dtype(visible, hidden_units, weight);
  if (use_kernels() && model.hidden->two_states() && visible.numel() > 0 &&
      hidden_bias.numel() > 0) {
    const std::optional<Tensor> mask =
        clamp ? std::optional(as_rows(clamp->expand(visible.sizes()))) : std::nullopt;
    const auto result = with_packed<Model>(BinaryModel(model), [&](const auto& packed) {
      return fused(packed, as_rows(visible), mask, steps, Key(key), hidden_dtype);
    });
    if (result) {
      auto hidden_sizes = visible.sizes().vec();
      hidden_sizes.back() = hidden_bias.size(0);
      return {std::get<0>(*result).view(visible.sizes()), std::get<1>(*result).view(hidden_sizes)};
    }
  }
  const reference::Chain chain =
      reference::gibbs(visible, model, steps, clamp, /*mean_visible=*/false, key);
  return {chain.visible.to(visible.scalar_type()), chain.hidden.to(hidden_dtype)};
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("gibbs.key", &gibbs);
}

}  // namespace torch_rbm::cpu
