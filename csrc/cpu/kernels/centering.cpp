// The gradient of the weights, centred: each value is read once for all that it adds to.
#include "cpu/kernels/table.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

template <typename Real>
void center(Rows<const Real> gradient, CenteredLayer<Real> row_layer,
            CenteredLayer<Real> column_layer, Rows<Real> out, Real* row_field, Real* column_field) {
  for (int64_t column = 0; column < gradient.columns; ++column) {
    column_field[column] = 0;
  }
  const Real* __restrict const mu = column_layer.offset;
  const Real* __restrict const bias = column_layer.grad_bias;
  Real* __restrict const field = column_field;
  const int64_t whole = gradient.columns / kPanelUnits * kPanelUnits;
  for (int64_t row = 0; row < gradient.rows; ++row) {
    const Real* __restrict const from = gradient.values + row * gradient.stride;
    Real* __restrict const to = out.values + row * out.stride;
    const Real of_row = row_layer.grad_bias[row];
    const Real lambda = row_layer.offset[row];
    const auto centered = [&](int64_t column) {
      return from[column] - of_row * mu[column] - lambda * bias[column];
    };
    Real sums[kPanelUnits] = {};
    for (int64_t first = 0; first < whole; first += kPanelUnits) {
      for (int64_t i = 0; i < kPanelUnits; ++i) {
        const Real value = centered(first + i);
        to[first + i] = value;
        sums[i] += value * mu[first + i];
        field[first + i] += value * lambda;
      }
    }
    for (int64_t column = whole; column < gradient.columns; ++column) {
      const Real value = centered(column);
      to[column] = value;
      sums[column - whole] += value * mu[column];
      field[column] += value * lambda;
    }
    for (int64_t half = kPanelUnits / 2; half > 0; half /= 2) {
      for (int64_t i = 0; i < half; ++i) {
        sums[i] += sums[half + i];
      }
    }
    row_field[row] = sums[0];
  }
}

}  // namespace

template <typename Real>
void add_centering_kernel(RealKernels<Real>& kernels) {
  kernels.center = &center<Real>;
}
template void add_centering_kernel(RealKernels<float>&);
template void add_centering_kernel(RealKernels<double>&);

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
