// The conditional means and samples of either layer on the CPU.
#include "cpu/model.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <optional>

namespace torch_rbm::cpu {

namespace {

// The parameters of one direction in the dtype of sums.
Direction accumulated(const Tensor& weight, const Tensor& bias) {
  return {reference::accumulated(weight, weight), reference::accumulated(bias, weight)};
}

// Calls finish(chunk, first) for the rows of `states`, [rows, inputs], from `first` on; returns
// false where one is not binary.
template <typename Finish>
bool for_each_chunk(const Tensor& states, const Finish& finish) {
  for (int64_t first = 0; first < states.size(0); first += kChunkRows) {
    States chunk(std::min(kChunkRows, states.size(0) - first), states.size(1));
    if (!chunk.read(states, first)) {
      return false;
    }
    chunk.prepare();
    finish(chunk, first);
  }
  return true;
}

// Means of binary states, [rows, outputs].
template <typename Real>
std::optional<Tensor> means(const Product<Real>& product, const Tensor& states) {
  const Tensor result = at::empty({states.size(0), product.outputs()}, real_options<Real>());
  const bool binary = for_each_chunk(states, [&](const States& chunk, int64_t first) {
    product.for_each_block(chunk, MeanTo<Real>(result.narrow(0, first, chunk.rows())));
  });
  return binary ? std::optional(result) : std::nullopt;
}

// Samples given binary states, [rows, outputs], in their dtype.
template <typename Real>
std::optional<Tensor> samples(const Product<Real>& product, const Tensor& states, const Key& key,
                              random::Layer layer) {
  const Tensor result = at::empty({states.size(0), product.outputs()}, states.options());
  const bool binary = for_each_chunk(states, [&](const States& chunk, int64_t first) {
    States sampled(chunk.rows(), product.outputs());
    product.for_each_block(chunk, SampleTo<Real>{sampled, key.draw(0, layer, first)});
    sampled.write(result, first);
  });
  return binary ? std::optional(result) : std::nullopt;
}

// [..., units] as [rows, units].
Tensor as_rows(const Tensor& states) {
  return states.dim() == 1 ? states.unsqueeze(0) : states.flatten(0, -2);
}

c10::DimVector with_last(const Tensor& states, int64_t last) {
  c10::DimVector sizes(states.sizes());
  sizes.back() = last;
  return sizes;
}

// `weight` is [this layer, other layer].
Tensor layer_mean(const Tensor& states, const Tensor& weight, const Tensor& bias,
                  const units::UnitType& units) {
  const Tensor rows = as_rows(states);
  if (use_kernels() && packing_pays(rows.size(0), weight.numel())) {
    const auto result = with_packed<Product>(
        accumulated(weight, bias), [&](const auto& product) { return means(product, rows); });
    if (result) {
      return result->view(with_last(states, weight.size(0))).to(weight.scalar_type());
    }
  }
  return reference::layer_mean(states, weight, bias, units);
}

Tensor sample_layer(const Tensor& states, const Tensor& weight, const Tensor& bias,
                    const units::UnitType& units, const Tensor& key, random::Layer layer) {
  if (use_kernels() && states.numel() > 0 && weight.numel() > 0) {
    const auto result = with_packed<Product>(accumulated(weight, bias), [&](const auto& product) {
      return samples(product, as_rows(states), Key(key), layer);
    });
    if (result) {
      return result->view(with_last(states, weight.size(0)));
    }
  }
  return reference::sample_layer(states, weight, bias, units, {key, 0, layer});
}

Tensor hidden_mean(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                   std::string_view hidden_units) {
  constexpr auto kOp = "hidden_mean";
  checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight, hidden_bias,
                      hidden_units);
  return layer_mean(visible, weight, hidden_bias,
                    checks::unit_type(kOp, checks::kHidden, hidden_units));
}

Tensor visible_mean(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                    std::string_view visible_units) {
  constexpr auto kOp = "visible_mean";
  checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight, visible_bias,
                      visible_units);
  return layer_mean(hidden, weight.t(), visible_bias,
                    checks::unit_type(kOp, checks::kVisible, visible_units));
}

Tensor sample_hidden(const Tensor& visible, const Tensor& weight, const Tensor& hidden_bias,
                     std::string_view hidden_units, const Tensor& key) {
  constexpr auto kOp = "sample_hidden";
  checks::conditional(kOp, checks::kVisible, visible, checks::kHidden, weight, hidden_bias,
                      hidden_units);
  checks::key(kOp, key, weight.device());
  return sample_layer(visible, weight, hidden_bias,
                      checks::unit_type(kOp, checks::kHidden, hidden_units), key,
                      random::Layer::hidden);
}

Tensor sample_visible(const Tensor& hidden, const Tensor& weight, const Tensor& visible_bias,
                      std::string_view visible_units, const Tensor& key) {
  constexpr auto kOp = "sample_visible";
  checks::conditional(kOp, checks::kHidden, hidden, checks::kVisible, weight, visible_bias,
                      visible_units);
  checks::key(kOp, key, weight.device());
  return sample_layer(hidden, weight.t(), visible_bias,
                      checks::unit_type(kOp, checks::kVisible, visible_units), key,
                      random::Layer::visible);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("hidden_mean", &hidden_mean);
  m.impl("visible_mean", &visible_mean);
  m.impl("sample_hidden.key", &sample_hidden);
  m.impl("sample_visible.key", &sample_visible);
}

}  // namespace torch_rbm::cpu
