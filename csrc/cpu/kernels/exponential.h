// exp by plain arithmetic, so that loops over it vectorise and every instruction set gives the same
// bits. The relative error is below 2 units in the last place.
#pragma once

#include "cpu/kernels/kernels.h"

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

template <typename Real>
struct ExponentialConstants;
template <>
struct ExponentialConstants<float> {
  using Bits = uint32_t;
  static constexpr int kMantissaBits = 23;
  static constexpr int kDegree = 7;
  // Adding it rounds a number to an integer and leaves in the lowest bits that integer plus the
  // bias of exponents.
  static constexpr float kRound = 12582912.0F + 127.0F;  // 1.5 * 2^23 and the bias
  static constexpr float kLog2High = 0.693359375F;
  static constexpr float kLog2Low = -2.12194440e-4F;
  static constexpr float kLowest = -88.0F;
  static constexpr float kHighest = 89.0F;
};
template <>
struct ExponentialConstants<double> {
  using Bits = uint64_t;
  static constexpr int kMantissaBits = 52;
  static constexpr int kDegree = 13;
  static constexpr double kRound = 6755399441055744.0 + 1023.0;  // 1.5 * 2^52 and the bias
  static constexpr double kLog2High = 6.93145751953125e-1;
  static constexpr double kLog2Low = 1.42860682030941723212e-6;
  static constexpr double kLowest = -709.0;
  static constexpr double kHighest = 710.0;
};

/// exp(x): 2^n by the exponent bits times the Taylor series of exp on [-log(2)/2, log(2)/2], the
/// reduction in two steps of Cody and Waite (1980). At the ends of the range the exponent bits are
/// those of 0 and of infinity.
template <typename Real>
static inline Real exponential(Real x) {
  using Constants = ExponentialConstants<Real>;
  using Bits = typename Constants::Bits;
  constexpr Real kLog2E = Real(1.4426950408889634);
  const Real low = Constants::kLowest > x ? Constants::kLowest : x;
  const Real bounded = Constants::kHighest < low ? Constants::kHighest : low;
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
  return series * __builtin_bit_cast(Real, exponent);
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
