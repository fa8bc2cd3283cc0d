// Rows of weights, one for each level of an item, against the hidden units of a case.
#include "cpu/kernels/exponential.h"
#include "cpu/kernels/table.h"

#include <cmath>

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

// Sums are kept in so many lanes on every instruction set, so that all add up in the same order.
constexpr int64_t kLanes = 16;

template <typename Real>
void add_rows(const Real* rows, int64_t width, const int64_t* index, int64_t count, Real* sums) {
  for (int64_t first = 0; first < width; first += kBlockUnits) {
    const int64_t units = width - first < kBlockUnits ? width - first : kBlockUnits;
    if (units == kBlockUnits) {
      Real block[kBlockUnits];
      __builtin_memcpy(block, sums + first, sizeof(block));
      for (int64_t i = 0; i < count; ++i) {
        const Real* const row = rows + index[i] * width + first;
        for (int64_t unit = 0; unit < kBlockUnits; ++unit) {
          block[unit] += row[unit];
        }
      }
      __builtin_memcpy(sums + first, block, sizeof(block));
    } else {
      for (int64_t i = 0; i < count; ++i) {
        const Real* const row = rows + index[i] * width + first;
        for (int64_t unit = 0; unit < units; ++unit) {
          sums[first + unit] += row[unit];
        }
      }
    }
  }
}

template <typename Real>
void add_scaled(Real factor, const Real* row, int64_t width, Real* sums) {
  for (int64_t unit = 0; unit < width; ++unit) {
    sums[unit] += factor * row[unit];
  }
}

template <typename Real>
Real total(const Real (&lanes)[kLanes]) {
  Real sums[kLanes];
  __builtin_memcpy(sums, lanes, sizeof(sums));
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) {
      sums[i] += sums[half + i];
    }
  }
  return sums[0];
}

template <typename Real>
void products(const Real* rows, int64_t count, int64_t width, const Real* states, Real* out) {
  for (int64_t i = 0; i < count; ++i) {
    const Real* const row = rows + i * width;
    Real lanes[kLanes] = {};
    const int64_t whole = width / kLanes * kLanes;
    for (int64_t first = 0; first < whole; first += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] += row[first + lane] * states[first + lane];
      }
    }
    for (int64_t unit = whole; unit < width; ++unit) {
      lanes[unit - whole] += row[unit] * states[unit];
    }
    out[i] = total(lanes);
  }
}

// Σ softplus(from + change) - max(from, 0), where softplus(x) = max(x, 0) + log(1 + exp(-|x|)). The
// logarithm is taken once for many factors between 1 and 2; what is kept is their product minus 1,
// which may be tiny.
template <typename Real>
class SoftplusChange {
 public:
  void add(const Real (&from)[kLanes], const Real (&change)[kLanes]) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const Real x = from[lane] + change[lane];
      const Real size = x < 0 ? -x : x;
      linear_[lane] += (x < 0 ? 0 : x) - (from[lane] < 0 ? 0 : from[lane]);
      excess_[lane] += exponential(-size) * (1 + excess_[lane]);
    }
    if (++factors_ == kFactors) {
      take_logarithms();
    }
  }

  double value() {
    take_logarithms();
    return total(linear_) + logarithms_;
  }

 private:
  // Two lanes' products of so many factors do not overflow float32.
  static constexpr int64_t kFactors = 60;

  void take_logarithms() {
    for (int64_t lane = 0; lane < kLanes; lane += 2) {
      const auto a = static_cast<double>(excess_[lane]);
      const auto b = static_cast<double>(excess_[lane + 1]);
      logarithms_ += std::log1p(a + b * (1 + a));
      excess_[lane] = 0;
      excess_[lane + 1] = 0;
    }
    factors_ = 0;
  }

  Real linear_[kLanes] = {};
  Real excess_[kLanes] = {};
  double logarithms_ = 0;
  int64_t factors_ = 0;
};

template <typename Real>
void softplus_changes(const Real* rows, int64_t count, int64_t width, const Real* field,
                      double* out) {
  // softplus of this is 0 in either precision.
  constexpr Real kNothing = -1000;
  for (int64_t i = 0; i < count; ++i) {
    const Real* const row = rows + i * width;
    SoftplusChange<Real> sum;
    const int64_t whole = width / kLanes * kLanes;
    Real from[kLanes];
    Real change[kLanes];
    for (int64_t first = 0; first < whole; first += kLanes) {
      __builtin_memcpy(from, field + first, sizeof(from));
      __builtin_memcpy(change, row + first, sizeof(change));
      sum.add(from, change);
    }
    if (whole < width) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        const int64_t unit = whole + lane;
        from[lane] = unit < width ? field[unit] : kNothing;
        change[lane] = unit < width ? row[unit] : 0;
      }
      sum.add(from, change);
    }
    out[i] = sum.value();
  }
}

}  // namespace

template <typename Real>
void add_ratings_kernels(RealKernels<Real>& kernels) {
  kernels.add_rows = &add_rows<Real>;
  kernels.add_scaled = &add_scaled<Real>;
  kernels.products = &products<Real>;
  kernels.softplus_changes = &softplus_changes<Real>;
}
template void add_ratings_kernels(RealKernels<float>&);
template void add_ratings_kernels(RealKernels<double>&);

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
