// The conditional means and samples of either layer on the CPU.
#include "cpu/model.h"
#include "cpu/product_threads.h"
#include "ops/conditional_kernels.h"
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

// Means of binary states, [rows, outputs].
template <typename Real>
std::optional<Tensor> means(const Product<Real>& product, const Tensor& states) {
  const Tensor result = at::empty({states.size(0), product.outputs()}, real_options<Real>());
  const bool binary = for_each_chunk(states, {}, [&](const States& chunk, int64_t first) {
    product.for_each_block(chunk, MeanTo<Real>(result.narrow(0, first, chunk.rows())));
  });
  return binary ? std::optional(result) : std::nullopt;
}

// Samples given binary states, [rows, outputs], in their dtype.
template <typename Real>
std::optional<Tensor> samples(const Product<Real>& product, const Tensor& states,
                              const random::Stream& stream) {
  const Key key(stream.key);
  const Tensor result =
      at::empty({states.size(0), product.outputs()}, states.options().layout(at::kStrided));
  const bool binary = for_each_chunk(states, {}, [&](const States& chunk, int64_t first) {
    States sampled(chunk.rows(), product.outputs());
    product.for_each_block(chunk,
                           SampleTo<Real>{sampled, key.draw(stream.step, stream.layer, first)});
    sampled.write(result, first);
  });
  return binary ? std::optional(result) : std::nullopt;
}

c10::DimVector with_last(const Tensor& states, int64_t last) {
  c10::DimVector sizes(states.sizes());
  sizes.back() = last;
  return sizes;
}

// `weight` is [this layer, other layer].
Tensor layer_mean(const Tensor& states, const Tensor& weight, const LayerArguments& layer) {
  const ProductThreads threads(states, weight);
  const Tensor rows = reference::as_rows(states);
  if (use_kernels() && reference::make_layer(layer)->is_bernoulli() &&
      packing_pays(rows.size(0), weight.numel())) {
    const auto result = with_packed<Product>(
        accumulated(weight, layer.bias), [&](const auto& product) { return means(product, rows); });
    if (result) {
      return result->view(with_last(states, weight.size(0))).to(weight.scalar_type());
    }
  }
  return reference::layer_mean(states, weight, layer);
}

Tensor sample_layer(const Tensor& states, const Tensor& weight, const LayerArguments& layer,
                    const random::Stream& stream) {
  const ProductThreads threads(states, weight);
  if (use_kernels() && reference::make_layer(layer)->is_bernoulli() && states.numel() > 0 &&
      weight.numel() > 0) {
    const auto result = with_packed<Product>(
        accumulated(weight, layer.bias),
        [&](const auto& product) { return samples(product, reference::as_rows(states), stream); });
    if (result) {
      return result->view(with_last(states, weight.size(0)));
    }
  }
  return reference::sample_layer(states, weight, layer, stream);
}

using Conditionals = ConditionalKernels<&layer_mean, &sample_layer>;

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("hidden_mean", &Conditionals::hidden_mean);
  m.impl("visible_mean", &Conditionals::visible_mean);
  m.impl("sample_hidden.key", &Conditionals::sample_hidden);
  m.impl("sample_visible.key", &Conditionals::sample_visible);
}
TORCH_LIBRARY_IMPL(torch_rbm, SparseCsrCPU, m) {
  m.impl("hidden_mean", &Conditionals::hidden_mean);
  m.impl("visible_mean", &Conditionals::visible_mean);
  m.impl("sample_hidden.key", &Conditionals::sample_hidden);
  m.impl("sample_visible.key", &Conditionals::sample_visible);
}

}  // namespace torch_rbm::cpu
