// Rows of matrices in compressed sparse row layout.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace torch_rbm::cpu {

/// Some rows: row i has elements starts[i] to starts[i + 1] of the others. int64, contiguous.
struct CsrRows {
  at::Tensor starts;
  at::Tensor units;
  at::Tensor values;
};

/// The rows [first, last) of a CSR tensor.
[[nodiscard]] CsrRows csr_rows(const at::Tensor& tensor, int64_t first, int64_t last);
/// The same rows as a strided tensor.
[[nodiscard]] at::Tensor dense_rows(const at::Tensor& tensor, int64_t first, int64_t last);

/// Makes a CSR tensor of ones from rows that come one after the other.
class CsrWriter {
 public:
  CsrWriter(int64_t rows, int64_t units, at::ScalarType dtype);
  /// One more row with these active units.
  void add(const std::vector<int64_t>& active);
  [[nodiscard]] at::Tensor finish() const;

 private:
  int64_t units_count_;
  at::ScalarType dtype_;
  std::vector<int64_t> starts_{0};
  std::vector<int64_t> units_;
};

}  // namespace torch_rbm::cpu
