// Binary states of a layer, as bits, and ready to be multiplied with weights.
#pragma once

#include "cpu/buffer.h"
#include "cpu/cost.h"
#include "cpu/kernels/kernels.h"
#include "units/units.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace torch_rbm::cpu {

/// How tensors of a dtype spell states: 0 and 1, or -1 and 1 in floating point.
[[nodiscard]] StateFormat state_format(at::ScalarType dtype, const units::TwoStates& states);

class States {
 public:
  States(int64_t rows, int64_t units);

  [[nodiscard]] BitRows bits() const;
  [[nodiscard]] int64_t rows() const { return rows_; }
  [[nodiscard]] int64_t units() const { return units_; }
  [[nodiscard]] int64_t words() const { return words_; }

  /// Reads the rows [first, first + rows()) of a tensor [rows, units], strided or, for 0 and 1,
  /// CSR; false if one of its values is neither of the two.
  [[nodiscard]] bool read(const at::Tensor& rows, int64_t first,
                          const units::TwoStates& states = {});
  /// Writes into those rows of a contiguous tensor.
  void write(const at::Tensor& rows, int64_t first, const units::TwoStates& states = {}) const;
  /// Sets to 0 where `mask`, of as many rows and units, is 0.
  void keep(const States& mask);
  /// Sets one row to that of `other`.
  void copy_row(const States& other, int64_t row);
  /// The active units of one row, rising.
  [[nodiscard]] std::vector<int64_t> active_units(int64_t row) const;
  /// The same states with rows and units exchanged.
  [[nodiscard]] States transposed() const;

  /// Chooses how the bits, now complete, are multiplied with weights, and lists the active units
  /// where that needs it. To be called whenever the bits have changed.
  void prepare();
  [[nodiscard]] Path path() const { return path_; }
  /// Row i's active units are active()[starts()[i]] to active()[starts()[i + 1]].
  [[nodiscard]] const int64_t* starts() const { return starts_.data(); }
  [[nodiscard]] const uint32_t* active() const { return active_.data(); }
  [[nodiscard]] int64_t active_count() const { return starts_.data()[rows_]; }

 private:
  [[nodiscard]] bool read_csr(const at::Tensor& rows, int64_t first);

  int64_t rows_;
  int64_t units_;
  int64_t words_;
  Buffer<uint64_t> bits_;
  Path path_ = Path::tables;
  Buffer<int64_t> starts_;
  Buffer<uint32_t> active_;
};

}  // namespace torch_rbm::cpu
