// JointGaussian as ATen formulas.
#include "reference/joint_gaussian.h"

#include "ops/checks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/diag.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/matmul.h>

#include <cmath>
#include <numbers>

namespace torch_rbm::reference {

JointGaussian::JointGaussian(const char* op, const Model& model)
    : bias_(at::cat({model.visible_bias, model.hidden_bias}).to(at::kDouble)) {
  const Tensor weight = model.weight.to(at::kDouble);
  const Tensor precision =
      at::cat({at::cat({at::diag(model.visible->precision().to(weight.options())), -weight.t()}, 1),
               at::cat({-weight, at::diag(model.hidden->precision().to(weight.options()))}, 1)});
  const auto [factor, failed] = at::linalg_cholesky_ex(precision);
  if (failed.item<int>() != 0) {
    checks::value_error(op,
                        "expected weights small enough for a normalisable density, got a precision "
                        "matrix of both layers, [[diag(visible_precision), -Wᵀ], [-W, "
                        "diag(hidden_precision)]], that is not positive definite");
  }
  factor_ = factor;
}

Tensor JointGaussian::log_partition() const {
  const Tensor solved = at::linalg_solve_triangular(factor_, bias_.unsqueeze(1), /*upper=*/false);
  return solved.square().sum() / 2 - factor_.diagonal().log().sum() +
         static_cast<double>(bias_.size(0)) * std::log(2 * std::numbers::pi) / 2;
}

Tensor JointGaussian::covariance() const {
  return at::cholesky_inverse(factor_);
}

Tensor JointGaussian::mean(const Tensor& covariance) const {
  return at::matmul(covariance, bias_);
}

}  // namespace torch_rbm::reference
