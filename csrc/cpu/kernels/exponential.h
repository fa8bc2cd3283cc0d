// exp by plain arithmetic, so that loops over it vectorise and every instruction set gives the same
// bits. The relative error is below 2 units in the last place.
#pragma once

#include "cpu/kernels/kernels.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

template <typename Real>
struct ExponentialConstants;
template <>
struct ExponentialConstants<float> {
  using Bits = int32_t;
  static constexpr int kMantissaBits = 23;
  static constexpr int kDegree = 7;
  // Adding it rounds a number to an integer and leaves that integer in the lowest bits.
  static constexpr float kRound = 12582912.0F;  // 1.5 * 2^23
  static constexpr float kLog2High = 0.693359375F;
  static constexpr float kLog2Low = -2.12194440e-4F;
  static constexpr float kLowest = -87.0F;
  static constexpr float kHighest = 88.0F;
};
template <>
struct ExponentialConstants<double> {
  using Bits = int64_t;
  static constexpr int kMantissaBits = 52;
  static constexpr int kDegree = 13;
  static constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double kLog2High = 6.93145751953125e-1;
  static constexpr double kLog2Low = 1.42860682030941723212e-6;
  static constexpr double kLowest = -708.0;
  static constexpr double kHighest = 709.0;
};

/// exp(x): 2^n by the exponent bits times the Taylor series of exp on [-log(2)/2, log(2)/2], the
/// reduction in two steps of Cody and Waite (1980). 0 below and infinity above the finite range.
template <typename Real>
static inline Real exponential(Real x) {
  using Constants = ExponentialConstants<Real>;
  using Bits = typename Constants::Bits;
  constexpr Real kLog2E = Real(1.4426950408889634);
  const Real low = x < Constants::kLowest ? Constants::kLowest : x;
  const Real bounded = low > Constants::kHighest ? Constants::kHighest : low;
  const Real shifted = bounded * kLog2E + Constants::kRound;
  const Real n = shifted - Constants::kRound;
  const Real r = (bounded - n * Constants::kLog2High) - n * Constants::kLog2Low;
  // 1 / k!
  constexpr double kTaylor[] = {1.0,
                                1.0,
                                1.0 / 2,
                                1.0 / 6,
                                1.0 / 24,
                                1.0 / 120,
                                1.0 / 720,
                                1.0 / 5040,
                                1.0 / 40320,
                                1.0 / 362880,
                                1.0 / 3628800,
                                1.0 / 39916800,
                                1.0 / 479001600,
                                1.0 / 6227020800};
  Real series = Real(kTaylor[Constants::kDegree]);
#pragma GCC unroll 16
  for (int k = Constants::kDegree - 1; k >= 0; --k) {
    series = series * r + Real(kTaylor[k]);
  }
  const Bits exponent = __builtin_bit_cast(Bits, shifted) << Constants::kMantissaBits;
  const Real value = __builtin_bit_cast(Real, __builtin_bit_cast(Bits, series) + exponent);
  const Real finite = x < Constants::kLowest ? Real(0) : value;
  return x > Constants::kHighest ? Real(__builtin_inf()) : finite;
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
