// Vectors of the instruction set that this file is compiled for.
#pragma once

#include "cpu/kernels/kernels.h"

#include <type_traits>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

#if defined(__AVX512F__)
inline constexpr int64_t kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int64_t kVectorBytes = 32;
#else
inline constexpr int64_t kVectorBytes = 16;
#endif

template <typename Value>
struct RegisterOf {
  typedef Value Type __attribute__((vector_size(kVectorBytes), may_alias));
};
/// As many values as fit into one register.
template <typename Value>
using Register = typename RegisterOf<Value>::Type;

/// The 64-bit products of the lower 32 bits of each lane with a number. One instruction, but not
/// one that compilers find.
static inline Register<uint64_t> multiply_lower(Register<uint64_t> lanes, uint32_t factor) {
#if defined(__AVX512F__)
  return reinterpret_cast<Register<uint64_t>>(_mm512_maskz_mul_epu32(
      0xFF, reinterpret_cast<__m512i>(lanes), _mm512_set1_epi64(static_cast<int64_t>(factor))));
#elif defined(__AVX2__)
  return reinterpret_cast<Register<uint64_t>>(_mm256_mul_epu32(
      reinterpret_cast<__m256i>(lanes), _mm256_set1_epi64x(static_cast<int64_t>(factor))));
#elif defined(__SSE2__)
  return reinterpret_cast<Register<uint64_t>>(_mm_mul_epu32(
      reinterpret_cast<__m128i>(lanes), _mm_set1_epi64x(static_cast<int64_t>(factor))));
#else
  return (lanes & 0xFFFFFFFF) * uint64_t{factor};
#endif
}

/// 16 numbers, in as many registers as they take.
template <typename Value>
struct Lanes {
  static constexpr int64_t kRegisters =
      kPanelUnits * static_cast<int64_t>(sizeof(Value)) / kVectorBytes;
  Register<Value> registers[kRegisters];

  static Lanes load(const Value* values) {
    Lanes lanes{};
    for (int64_t i = 0; i < kRegisters; ++i) {
      lanes.registers[i] = reinterpret_cast<const Register<Value>*>(values)[i];
    }
    return lanes;
  }

  void store(Value* values) const {
    for (int64_t i = 0; i < kRegisters; ++i) {
      reinterpret_cast<Register<Value>*>(values)[i] = registers[i];
    }
  }

  // Whole numbers wrap around: what pads a panel is added up with the rest and may be anything.
  Lanes& operator+=(const Lanes& other) {
    for (int64_t i = 0; i < kRegisters; ++i) {
      if constexpr (std::is_integral_v<Value>) {
        using Wrapping = Register<std::make_unsigned_t<Value>>;
        registers[i] =
            reinterpret_cast<Register<Value>>(reinterpret_cast<Wrapping>(registers[i]) +
                                              reinterpret_cast<Wrapping>(other.registers[i]));
      } else {
        registers[i] += other.registers[i];
      }
    }
    return *this;
  }

  friend Lanes operator+(Lanes a, const Lanes& b) { return a += b; }

  [[nodiscard]] Lanes magnitude() const {
    Lanes result{};
    for (int64_t i = 0; i < kRegisters; ++i) {
      result.registers[i] = registers[i] < 0 ? -registers[i] : registers[i];
    }
    return result;
  }
};

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
