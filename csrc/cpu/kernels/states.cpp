// Binary states as bits: in and out of tensors, transposed, and as lists of the active units.
#include "cpu/kernels/bits.h"
#include "cpu/kernels/table.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

template <typename Element>
bool pack(const Element* values, StateFormat format, int64_t row_stride, int64_t unit_stride,
          BitRows states) {
  const auto one = static_cast<Element>(format.one);
  const auto zero = static_cast<Element>(format.zero);
  const auto compared = static_cast<Element>(~format.ignored);
  for (int64_t row = 0; row < states.rows; ++row) {
    for (int64_t unit = 0; unit < states.units; unit += kBlockUnits) {
      const int64_t count = states.units - unit < kBlockUnits ? states.units - unit : kBlockUnits;
      const Element* const in = values + row * row_stride + unit * unit_stride;
      Element block[kBlockUnits];
      if (unit_stride == 1 && count == kBlockUnits) {
        __builtin_memcpy(block, in, sizeof(block));
      } else {
        for (int64_t i = 0; i < count; ++i) {
          block[i] = in[i * unit_stride];
        }
        for (int64_t i = count; i < kBlockUnits; ++i) {
          block[i] = zero;
        }
      }
      alignas(sizeof(uint64_t)) uint8_t active[kBlockUnits];
      uint8_t other = 0;
      for (int64_t i = 0; i < kBlockUnits; ++i) {
        active[i] = static_cast<uint8_t>(block[i] == one);
        other |= static_cast<uint8_t>((block[i] != one) &
                                      (static_cast<Element>(block[i] & compared) != zero));
      }
      if (other != 0) {
        return false;
      }
      states.words[row * states.stride + unit / kBlockUnits] = gather_bits(active);
    }
  }
  return true;
}

bool pack_states(const void* values, StateFormat format, int64_t row_stride, int64_t unit_stride,
                 BitRows states) {
  switch (format.bytes) {
    case 1:
      return pack(static_cast<const uint8_t*>(values), format, row_stride, unit_stride, states);
    case 2:
      return pack(static_cast<const uint16_t*>(values), format, row_stride, unit_stride, states);
    case 4:
      return pack(static_cast<const uint32_t*>(values), format, row_stride, unit_stride, states);
    default:
      return pack(static_cast<const uint64_t*>(values), format, row_stride, unit_stride, states);
  }
}

template <typename Element>
void unpack(BitRows states, StateFormat format, Element* values, int64_t row_stride) {
  const auto zero = static_cast<Element>(format.zero);
  const auto one = static_cast<Element>(format.one);
  for (int64_t row = 0; row < states.rows; ++row) {
    for (int64_t unit = 0; unit < states.units; unit += kBlockUnits) {
      const int64_t count = states.units - unit < kBlockUnits ? states.units - unit : kBlockUnits;
      const uint64_t word = states.words[row * states.stride + unit / kBlockUnits];
      Element* const out = values + row * row_stride + unit;
      for (int64_t i = 0; i < count; ++i) {
        out[i] = ((word >> i) & 1) != 0 ? one : zero;
      }
    }
  }
}

void unpack_states(BitRows states, StateFormat format, void* values, int64_t row_stride) {
  switch (format.bytes) {
    case 1:
      unpack(states, format, static_cast<uint8_t*>(values), row_stride);
      break;
    case 2:
      unpack(states, format, static_cast<uint16_t*>(values), row_stride);
      break;
    case 4:
      unpack(states, format, static_cast<uint32_t*>(values), row_stride);
      break;
    default:
      unpack(states, format, static_cast<uint64_t*>(values), row_stride);
      break;
  }
}

// 64 words of 64 bits, by swapping ever smaller squares (Warren, Hacker's Delight, 2002).
void transpose_square(uint64_t* words) {
  uint64_t mask = 0x00000000FFFFFFFF;
  for (int64_t size = kBlockUnits / 2; size != 0; size /= 2, mask ^= mask << size) {
    for (int64_t i = 0; i < kBlockUnits; i = ((i | size) + 1) & ~size) {
      const uint64_t swapped = ((words[i] >> size) ^ words[i + size]) & mask;
      words[i] ^= swapped << size;
      words[i + size] ^= swapped;
    }
  }
}

void transpose_states(BitRows from, int64_t first_word, int64_t last_word, BitRows to) {
  for (int64_t word = first_word; word < last_word; ++word) {
    for (int64_t row = 0; row < from.rows; row += kBlockUnits) {
      uint64_t square[kBlockUnits] = {};
      const int64_t rows = from.rows - row < kBlockUnits ? from.rows - row : kBlockUnits;
      for (int64_t i = 0; i < rows; ++i) {
        square[i] = from.words[(row + i) * from.stride + word];
      }
      transpose_square(square);
      const int64_t first_unit = word * kBlockUnits;
      for (int64_t i = 0; i < kBlockUnits && first_unit + i < to.rows; ++i) {
        to.words[(first_unit + i) * to.stride + row / kBlockUnits] = square[i];
      }
    }
  }
}

int64_t words_of(BitRows states) {
  return parts(states.units, kBlockUnits);
}

void count_active(BitRows states, int64_t* starts) {
  const int64_t words = words_of(states);
  for (int64_t row = 0; row < states.rows; ++row) {
    int64_t count = starts[row];
    for (int64_t word = 0; word < words; ++word) {
      count += __builtin_popcountll(states.words[row * states.stride + word]);
    }
    starts[row + 1] = count;
  }
}

void list_active(BitRows states, const int64_t* starts, uint32_t* active) {
  const int64_t words = words_of(states);
  for (int64_t row = 0; row < states.rows; ++row) {
    uint32_t* next = active + starts[row];
    for (int64_t word = 0; word < words; ++word) {
      uint64_t bits = states.words[row * states.stride + word];
      const auto first = static_cast<uint32_t>(word * kBlockUnits);
      while (bits != 0) {
        *next++ = first + static_cast<uint32_t>(__builtin_ctzll(bits));
        bits &= bits - 1;
      }
    }
  }
}

void dot(BitRows states, const double* values, double* sums) {
  const int64_t words = words_of(states);
  for (int64_t row = 0; row < states.rows; ++row) {
    double sum = 0;
    for (int64_t word = 0; word < words; ++word) {
      uint64_t bits = states.words[row * states.stride + word];
      while (bits != 0) {
        sum += values[word * kBlockUnits + __builtin_ctzll(bits)];
        bits &= bits - 1;
      }
    }
    sums[row] = sum;
  }
}

void clamp(BitRows given, BitRows mask, int64_t word, BitRows states) {
  for (int64_t row = 0; row < states.rows; ++row) {
    const uint64_t kept = mask.words[row * mask.stride + word];
    uint64_t& state = states.words[row * states.stride + word];
    state = (given.words[row * given.stride + word] & kept) | (state & ~kept);
  }
}

}  // namespace

void add_state_kernels(Kernels& kernels) {
  kernels.pack_states = &pack_states;
  kernels.unpack_states = &unpack_states;
  kernels.transpose_states = &transpose_states;
  kernels.count_active = &count_active;
  kernels.list_active = &list_active;
  kernels.dot = &dot;
  kernels.clamp = &clamp;
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
