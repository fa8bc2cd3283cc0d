// Binary states of a layer, between tensors and kernels.
#include "cpu/states.h"

#include "cpu/capability.h"
#include "cpu/csr.h"
#include "cpu/parallel.h"

#include <bit>

namespace torch_rbm::cpu {

namespace {

// Rows for one thread at a time, and nanoseconds for each word of 64 states.
constexpr int64_t kRows = 32;
constexpr double kReadWord = 15.0;
constexpr double kListUnit = 1.0;

template <typename Task>
void for_each_rows(int64_t rows, double work, const Task& task) {
  run_tasks(parts(rows, kRows), work,
            [&](int64_t i) { task(i * kRows, std::min((i + 1) * kRows, rows)); });
}

}  // namespace

StateFormat state_format(at::ScalarType dtype, const units::TwoStates& states) {
  const auto spelled = [&](int64_t bytes, uint64_t one, uint64_t sign) {
    const bool spin = states.zero < 0;
    return StateFormat{bytes, spin ? one | sign : 0, one, spin ? 0 : sign};
  };
  switch (dtype) {
    case at::kFloat:
      return spelled(4, 0x3F800000, 0x80000000);
    case at::kDouble:
      return spelled(8, 0x3FF0000000000000, 0x8000000000000000);
    case at::kBFloat16:
      return spelled(2, 0x3F80, 0x8000);
    case at::kHalf:
      return spelled(2, 0x3C00, 0x8000);
    default:  // bool and uint8
      return spelled(1, 1, 0);
  }
}

States::States(int64_t rows, int64_t units)
    : rows_(rows),
      units_(units),
      words_(parts(units, kBlockUnits)),
      bits_(rows * words_),
      starts_(rows + 1) {}

BitRows States::bits() const {
  return {bits_.data(), words_, rows_, units_};
}

bool States::read(const at::Tensor& rows, int64_t first, const units::TwoStates& states) {
  if (rows.layout() == at::kSparseCsr) {
    return read_csr(rows, first);
  }
  const StateFormat format = state_format(rows.scalar_type(), states);
  const auto* const values = static_cast<const char*>(rows.const_data_ptr());
  std::atomic<bool> binary{true};
  const double work = kReadWord * static_cast<double>(rows_ * words_);
  for_each_rows(rows_, work, [&](int64_t begin, int64_t end) {
    const char* const start = values + (first + begin) * rows.stride(0) * format.bytes;
    if (!kernels().pack_states(start, format, rows.stride(0), rows.stride(1),
                               bits().from(begin, end))) {
      binary = false;
    }
  });
  return binary;
}

bool States::read_csr(const at::Tensor& rows, int64_t first) {
  const CsrRows part = csr_rows(rows, first, first + rows_);
  // The values as one row of states: those that are 1.
  const int64_t count = part.values.numel();
  const Buffer<uint64_t> ones(parts(count, kBlockUnits));
  const BitRows value_bits{ones.data(), parts(count, kBlockUnits), 1, count};
  if (!kernels().pack_states(part.values.const_data_ptr(),
                             state_format(part.values.scalar_type(), {}), 0, 1, value_bits)) {
    return false;
  }
  const auto* const starts = part.starts.const_data_ptr<int64_t>();
  const auto* const units = part.units.const_data_ptr<int64_t>();
  const double work = kListUnit * static_cast<double>(count + rows_ * words_);
  for_each_rows(rows_, work, [&](int64_t begin, int64_t end) {
    std::fill(bits_.data() + begin * words_, bits_.data() + end * words_, 0);
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t i = starts[row]; i < starts[row + 1]; ++i) {
        const uint64_t one = (ones.data()[i / kBlockUnits] >> (i % kBlockUnits)) & 1;
        bits_.data()[row * words_ + units[i] / kBlockUnits] |= one << (units[i] % kBlockUnits);
      }
    }
  });
  return true;
}

void States::write(const at::Tensor& rows, int64_t first, const units::TwoStates& states) const {
  const StateFormat format = state_format(rows.scalar_type(), states);
  auto* const values = static_cast<char*>(rows.mutable_data_ptr());
  const double work = kReadWord * static_cast<double>(rows_ * words_);
  for_each_rows(rows_, work, [&](int64_t begin, int64_t end) {
    kernels().unpack_states(bits().from(begin, end), format,
                            values + (first + begin) * rows.stride(0) * format.bytes,
                            rows.stride(0));
  });
}

void States::keep(const States& mask) {
  for (int64_t i = 0; i < rows_ * words_; ++i) {
    bits_.data()[i] &= mask.bits_.data()[i];
  }
}

void States::copy_row(const States& other, int64_t row) {
  std::copy_n(other.bits_.data() + row * words_, words_, bits_.data() + row * words_);
}

std::vector<int64_t> States::active_units(int64_t row) const {
  std::vector<int64_t> units;
  for (int64_t word = 0; word < words_; ++word) {
    for (uint64_t left = bits_.data()[row * words_ + word]; left != 0; left &= left - 1) {
      units.push_back(word * kBlockUnits + std::countr_zero(left));
    }
  }
  return units;
}

States States::transposed() const {
  States result(units_, rows_);
  const double work = 10 * kReadWord * static_cast<double>(rows_ * words_);
  run_tasks(words_, work, [&](int64_t word) {
    kernels().transpose_states(bits(), word, word + 1, result.bits());
  });
  return result;
}

void States::prepare() {
  starts_.data()[0] = 0;
  kernels().count_active(bits(), starts_.data());
  path_ = choose_path(active_count(), rows_, words_);
  if (path_ != Path::rows) {
    return;
  }
  active_.reserve(active_count());
  const double work = kListUnit * static_cast<double>(active_count());
  for_each_rows(rows_, work, [&](int64_t begin, int64_t end) {
    kernels().list_active(bits().from(begin, end), starts_.data() + begin, active_.data());
  });
}

}  // namespace torch_rbm::cpu
