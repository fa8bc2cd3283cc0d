// centered_gradient on the CPU.
#include "cpu/buffer.h"
#include "cpu/capability.h"
#include "cpu/cost.h"
#include "cpu/parallel.h"
#include "ops/checks.h"
#include "reference/formulas.h"

#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <tuple>

namespace torch_rbm::cpu {

namespace {

using at::Tensor;

// One layer: the gradient of its biases, and its offsets, both contiguous.
struct Layer {
  Tensor grad_bias;
  Tensor offset;

  template <typename Real>
  [[nodiscard]] CenteredLayer<Real> from(int64_t first) const {
    return {grad_bias.const_data_ptr<Real>() + first, offset.const_data_ptr<Real>() + first};
  }
};

// The centred gradient of weights whose rows are `rows`' units, side by side in memory, into `out`;
// returns those of the biases. The sums over rows are made of pieces of always the same size, so
// that they do not depend on the number of threads.
template <typename Real>
std::tuple<Tensor, Tensor> center(const Tensor& gradient, const Layer& rows, const Layer& columns,
                                  const Tensor& out) {
  constexpr int64_t kPieceRows = 32;
  constexpr double kValue = 0.3;  // nanoseconds
  const int64_t height = gradient.size(0);
  const int64_t width = gradient.size(1);
  const int64_t pieces = parts(height, kPieceRows);
  const Buffer<Real> row_fields(height);
  const Buffer<Real> column_fields(pieces * width);
  run_tasks(pieces, kValue * static_cast<double>(gradient.numel()), [&](int64_t piece) {
    const int64_t first = piece * kPieceRows;
    const int64_t count = std::min(height - first, kPieceRows);
    kernels().real<Real>().center(
        {gradient.const_data_ptr<Real>() + first * gradient.stride(0), gradient.stride(0), count,
         width},
        rows.from<Real>(first), columns.from<Real>(0),
        {out.mutable_data_ptr<Real>() + first * out.stride(0), out.stride(0), count, width},
        row_fields.data() + first, column_fields.data() + piece * width);
  });
  const auto less = [](const Tensor& grad_bias, const Buffer<Real>& fields, int64_t vectors) {
    Tensor result = at::empty_like(grad_bias);
    const int64_t size = grad_bias.numel();
    const auto* const from = grad_bias.const_data_ptr<Real>();
    auto* const to = result.mutable_data_ptr<Real>();
    std::copy_n(from, size, to);
    for (int64_t vector = 0; vector < vectors; ++vector) {
      for (int64_t i = 0; i < size; ++i) {
        to[i] -= fields.data()[vector * size + i];
      }
    }
    return result;
  };
  return {less(rows.grad_bias, row_fields, 1), less(columns.grad_bias, column_fields, pieces)};
}

std::tuple<Tensor, Tensor> center(const Tensor& gradient, const Layer& rows, const Layer& columns,
                                  const Tensor& out) {
  return gradient.scalar_type() == at::kDouble ? center<double>(gradient, rows, columns, out)
                                               : center<float>(gradient, rows, columns, out);
}

std::tuple<Tensor, Tensor, Tensor> centered_gradient(const Tensor& grad_weight,
                                                     const Tensor& grad_visible_bias,
                                                     const Tensor& grad_hidden_bias,
                                                     const Tensor& visible_offset,
                                                     const Tensor& hidden_offset) {
  checks::centered_gradient("centered_gradient", grad_weight, grad_visible_bias, grad_hidden_bias,
                            visible_offset, hidden_offset);
  const auto dtype = grad_weight.scalar_type();
  if (use_kernels() && (dtype == at::kFloat || dtype == at::kDouble)) {
    const Layer visible{grad_visible_bias.contiguous(), visible_offset.contiguous()};
    const Layer hidden{grad_hidden_bias.contiguous(), hidden_offset.contiguous()};
    const Tensor out = at::empty_like(grad_weight);
    if (grad_weight.stride(1) == 1 && out.stride(1) == 1) {
      const auto [hidden_bias, visible_bias] = center(grad_weight, hidden, visible, out);
      return {out, visible_bias, hidden_bias};
    }
    if (grad_weight.stride(0) == 1 && out.stride(0) == 1) {
      const auto [visible_bias, hidden_bias] = center(grad_weight.t(), visible, hidden, out.t());
      return {out, visible_bias, hidden_bias};
    }
  }
  return reference::centered_gradient(grad_weight, grad_visible_bias, grad_hidden_bias,
                                      visible_offset, hidden_offset);
}

}  // namespace

TORCH_LIBRARY_IMPL(torch_rbm, CPU, m) {
  m.impl("centered_gradient", &centered_gradient);
}

}  // namespace torch_rbm::cpu
