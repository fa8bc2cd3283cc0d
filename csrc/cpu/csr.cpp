// Rows of matrices in compressed sparse row layout.
#include "cpu/csr.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_sparse_csr_tensor_unsafe.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

namespace torch_rbm::cpu {

using at::Tensor;

CsrRows csr_rows(const Tensor& tensor, int64_t first, int64_t last) {
  const Tensor bounds = tensor.crow_indices().narrow(0, first, last - first + 1).to(at::kLong);
  const auto begin = bounds[0].item<int64_t>();
  const int64_t count = bounds[-1].item<int64_t>() - begin;
  return {(bounds - begin).contiguous(),
          tensor.col_indices().narrow(0, begin, count).to(at::kLong).contiguous(),
          tensor.values().narrow(0, begin, count).contiguous()};
}

Tensor dense_rows(const Tensor& tensor, int64_t first, int64_t last) {
  const CsrRows rows = csr_rows(tensor, first, last);
  return at::_sparse_csr_tensor_unsafe(rows.starts, rows.units, rows.values,
                                       {last - first, tensor.size(1)},
                                       rows.values.options().layout(at::kSparseCsr))
      .to_dense();
}

CsrWriter::CsrWriter(int64_t rows, int64_t units, at::ScalarType dtype)
    : units_count_(units), dtype_(dtype) {
  starts_.reserve(static_cast<size_t>(rows) + 1);
}

void CsrWriter::add(const std::vector<int64_t>& active) {
  units_.insert(units_.end(), active.begin(), active.end());
  starts_.push_back(static_cast<int64_t>(units_.size()));
}

Tensor CsrWriter::finish() const {
  const auto options = at::TensorOptions().dtype(dtype_);
  return at::_sparse_csr_tensor_unsafe(
      at::tensor(starts_, at::kLong), at::tensor(units_, at::kLong),
      at::ones({static_cast<int64_t>(units_.size())}, options),
      {static_cast<int64_t>(starts_.size()) - 1, units_count_}, options.layout(at::kSparseCsr));
}

}  // namespace torch_rbm::cpu
