// What AIS and tempering share on the CPU: models between a base model without weights, β = 0, and
// the model, β = 1. All hidden fields are multiplied by β; visible fields are base + β (field -
// base), so that a model packed with its visible biases less the base's serves at every β.
#pragma once

#include "cpu/model.h"

#include <algorithm>
#include <vector>

namespace torch_rbm::cpu {

template <typename Real>
class Tempered {
 public:
  /// `model` is packed from BinaryModel::less(base_visible_bias).
  Tempered(const Model<Real>& model, const Tensor& base_visible_bias)
      : model_(model),
        base_(values<Real>(base_visible_bias * model.unpacked().visible_states().scale())),
        difference_(values<double>(model.parameters().visible_bias)) {}

  [[nodiscard]] const Model<Real>& model() const { return model_; }
  /// Visible biases of the base model.
  [[nodiscard]] const Real* base() const { return base_.data(); }
  /// (b - b₀)ᵀv of every row.
  void bias_energy(const States& visible, double* out) const {
    kernels().dot(visible.bits(), difference_.data(), out);
  }
  /// A visitor of hidden fields: log weights between every row's two β's, without the biases.
  void add_changes(Block<const Real> fields, int64_t block, int64_t first_row, const double* from,
                   const double* to, const BlockSums& changes) const {
    kernels().real<Real>().softplus_change(
        fields, std::min(kBlockUnits, model_.hidden() - block * kBlockUnits), from + first_row,
        to + first_row, changes.at(block, first_row), changes.stride());
  }

 private:
  template <typename Value>
  static std::vector<Value> values(const Tensor& tensor) {
    const Tensor numbers = tensor.to(c10::CppTypeToScalarType<Value>::value).contiguous();
    const auto* const first = numbers.template const_data_ptr<Value>();
    return {first, first + numbers.numel()};
  }

  const Model<Real>& model_;
  std::vector<Real> base_;
  std::vector<double> difference_;
};

}  // namespace torch_rbm::cpu
