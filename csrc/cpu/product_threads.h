// Threads of the matrix products that PyTorch leaves to MKL.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace torch_rbm::cpu {

/// While it lives, MKL's products of this thread take one thread where they are small. MKL wakes
/// the others whatever a product's size; on a busy machine they are waited for a thousand times
/// longer than the product takes.
class ProductThreads {
 public:
  /// Of products of `states`, [..., units of one layer], with `weight`.
  ProductThreads(const at::Tensor& states, const at::Tensor& weight);
  ~ProductThreads();

  ProductThreads(const ProductThreads&) = delete;
  ProductThreads& operator=(const ProductThreads&) = delete;
  ProductThreads(ProductThreads&&) = delete;
  ProductThreads& operator=(ProductThreads&&) = delete;

 private:
  std::optional<int> before_;
};

}  // namespace torch_rbm::cpu
