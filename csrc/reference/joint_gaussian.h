// A model whose layers are both Gaussian: one normal distribution.
#pragma once

#include "reference/model.h"

#include <ATen/core/Tensor.h>

namespace torch_rbm::reference {

/// exp(-½ sᵀ Λ s + fᵀ s) with s = (v, h), f = (b, c) and Λ the precision matrix of both layers, in
/// float64.
class JointGaussian {
 public:
  /// Throws, in the name of the operator `op`, where the density cannot be normalised.
  JointGaussian(const char* op, const Model& model);

  [[nodiscard]] Tensor log_partition() const;
  /// ⟨s sᵀ⟩ - ⟨s⟩⟨s⟩ᵀ.
  [[nodiscard]] Tensor covariance() const;
  /// ⟨s⟩, [visible + hidden], by way of the covariance.
  [[nodiscard]] Tensor mean(const Tensor& covariance) const;

 private:
  Tensor bias_;    // f
  Tensor factor_;  // the lower Cholesky factor of Λ
};

}  // namespace torch_rbm::reference
