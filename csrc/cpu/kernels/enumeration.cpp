// Sums over all states of a small layer.
#include "cpu/kernels/exponential.h"
#include "cpu/kernels/table.h"

#include <cmath>

namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY {

namespace {

constexpr int kMantissaBits = 52;
constexpr int64_t kExponentBias = 1023;
constexpr double kLog2 = 0.69314718055994530942;

// Sixteen positive numbers: mantissa * 2^exponent.
struct Products {
  double mantissa[kLowStates];
  int64_t exponent[kLowStates];

  void normalise() {
    for (int64_t i = 0; i < kLowStates; ++i) {
      const auto bits = __builtin_bit_cast(int64_t, mantissa[i]);
      const int64_t power = (bits >> kMantissaBits) - kExponentBias;
      exponent[i] += power;
      mantissa[i] = __builtin_bit_cast(double, bits - (power << kMantissaBits));
    }
  }
};

// Π (1 + exp(field)) over the other layer, for the sixteen states that share their high units.
Products products(const EnumeratedLayer& layer, const double* high_factor) {
  Products result{};
  for (int64_t i = 0; i < kLowStates; ++i) {
    result.mantissa[i] = 1;
    result.exponent[i] = 0;
  }
  for (int64_t first = 0; first < layer.others; first += layer.safe_factors) {
    const int64_t rest = layer.others - first;
    const int64_t last = first + (rest < layer.safe_factors ? rest : layer.safe_factors);
    double product[kLowStates];
    for (int64_t i = 0; i < kLowStates; ++i) {
      product[i] = result.mantissa[i];
    }
    for (int64_t other = first; other < last; ++other) {
      const double* const low_factor = layer.low_factors + other * kLowStates;
      const double high = high_factor[other];
      for (int64_t i = 0; i < kLowStates; ++i) {
        product[i] *= 1 + high * low_factor[i];
      }
    }
    for (int64_t i = 0; i < kLowStates; ++i) {
      result.mantissa[i] = product[i];
    }
    result.normalise();
  }
  return result;
}

// log Σ of sixteen numbers, each times its weight.
double log_sum(const Products& numbers, const double* weights) {
  int64_t highest = numbers.exponent[0];
  for (int64_t i = 1; i < kLowStates; ++i) {
    highest = numbers.exponent[i] > highest ? numbers.exponent[i] : highest;
  }
  double sum = 0;
  for (int64_t i = 0; i < kLowStates; ++i) {
    const int64_t power = numbers.exponent[i] - highest;
    const double scale = power < -kExponentBias + 1
                             ? 0
                             : __builtin_bit_cast(double, (power + kExponentBias) << kMantissaBits);
    sum += numbers.mantissa[i] * weights[i] * scale;
  }
  return std::log(sum) + static_cast<double>(highest) * kLog2;
}

// High states are visited in the order of a Gray code, in which neighbours differ in one unit.
double log_sum_states(const EnumeratedLayer& layer, int64_t first, int64_t last, double* scratch) {
  double* const field = scratch;
  double* const factor = scratch + layer.others;
  const auto gray = [](int64_t number) { return number ^ (number >> 1); };

  double energy = 0;
  for (int64_t other = 0; other < layer.others; ++other) {
    field[other] = layer.other_bias[other];
  }
  const auto flip = [&](int64_t unit, double sign) {
    const double* const weight = layer.high_weights + unit * layer.others;
    energy += sign * layer.high_bias[unit];
    for (int64_t other = 0; other < layer.others; ++other) {
      field[other] += sign * weight[other];
    }
  };
  for (int64_t unit = 0; gray(first) >> unit != 0; ++unit) {
    if (((gray(first) >> unit) & 1) != 0) {
      flip(unit, 1);
    }
  }

  double largest = -__builtin_inf();
  double sum = 0;
  for (int64_t state = first; state < last; ++state) {
    if (state > first) {
      const int64_t unit = __builtin_ctzll(static_cast<uint64_t>(state));
      flip(unit, ((gray(state) >> unit) & 1) != 0 ? 1 : -1);
    }
    for (int64_t other = 0; other < layer.others; ++other) {
      factor[other] = exponential(field[other]);
    }
    const double term = energy + log_sum(products(layer, factor), layer.low_weights);
    if (term > largest) {
      sum = sum * std::exp(largest - term) + 1;
      largest = term;
    } else {
      sum += std::exp(term - largest);
    }
  }
  return largest + std::log(sum);
}

}  // namespace

void add_enumeration_kernel(Kernels& kernels) {
  kernels.log_sum_states = &log_sum_states;
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
