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

// Sixteen numbers, each times its weight, in units of exp(the result).
double scaled(const Products& numbers, const double* weights, double* out) {
  int64_t highest = numbers.exponent[0];
  for (int64_t i = 1; i < kLowStates; ++i) {
    highest = numbers.exponent[i] > highest ? numbers.exponent[i] : highest;
  }
  for (int64_t i = 0; i < kLowStates; ++i) {
    const int64_t power = numbers.exponent[i] - highest;
    const double scale = power < -kExponentBias + 1
                             ? 0
                             : __builtin_bit_cast(double, (power + kExponentBias) << kMantissaBits);
    out[i] = numbers.mantissa[i] * weights[i] * scale;
  }
  return static_cast<double>(highest) * kLog2;
}

// Visits high states in the order of a Gray code, in which neighbours differ in one unit. `visit`
// gets the state, its bias energy, and exp(field) of every other unit, which it may overwrite.
template <typename Visit>
void for_each_high_state(const EnumeratedLayer& layer, int64_t first, int64_t last, double* scratch,
                         const Visit& visit) {
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
  for (int64_t state = first; state < last; ++state) {
    if (state > first) {
      const int64_t unit = __builtin_ctzll(static_cast<uint64_t>(state));
      flip(unit, ((gray(state) >> unit) & 1) != 0 ? 1 : -1);
    }
    for (int64_t other = 0; other < layer.others; ++other) {
      factor[other] = exponential(field[other]);
    }
    visit(gray(state), energy, factor);
  }
}

double log_sum_states(const EnumeratedLayer& layer, int64_t first, int64_t last, double* scratch) {
  double largest = -__builtin_inf();
  double sum = 0;
  for_each_high_state(
      layer, first, last, scratch, [&](int64_t, double energy, const double* factor) {
        double terms[kLowStates];
        const double unit = scaled(products(layer, factor), layer.low_weights, terms);
        double of_state = 0;
        for (const double term : terms) {
          of_state += term;
        }
        const double term = energy + std::log(of_state) + unit;
        if (term > largest) {
          sum = sum * std::exp(largest - term) + 1;
          largest = term;
        } else {
          sum += std::exp(term - largest);
        }
      });
  return largest + std::log(sum);
}

void multiply(double* values, int64_t count, double factor) {
  for (int64_t i = 0; i < count; ++i) {
    values[i] *= factor;
  }
}

// Adds each low state's term times the mean of a unit of the other layer; returns the sum of these.
double add_means(double high_factor, const double* low_factor, const double* terms, double* sums) {
  double products[kLowStates];
  for (int64_t i = 0; i < kLowStates; ++i) {
    const double factor = high_factor * low_factor[i];
    products[i] = terms[i] * (factor / (1 + factor));
  }
  for (int64_t i = 0; i < kLowStates; ++i) {
    sums[i] += products[i];
  }
  for (int64_t half = kLowStates / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) {
      products[i] += products[i + half];
    }
  }
  return products[0];
}

double sum_moments(const EnumeratedLayer& layer, int64_t first, int64_t last, double* scratch,
                   const MomentSums& sums) {
  double unit = -__builtin_inf();
  for_each_high_state(
      layer, first, last, scratch, [&](int64_t state, double energy, double* factor) {
        double terms[kLowStates];
        const double of_state = energy + scaled(products(layer, factor), layer.low_weights, terms);
        if (of_state > unit) {
          const double smaller = std::exp(unit - of_state);
          multiply(sums.low, kLowStates, smaller);
          multiply(sums.high, layer.high_units, smaller);
          multiply(sums.low_pairs, layer.others * kLowStates, smaller);
          multiply(sums.high_pairs, layer.high_units * layer.others, smaller);
          unit = of_state;
        }
        multiply(terms, kLowStates, std::exp(of_state - unit));

        double total = 0;
        for (int64_t i = 0; i < kLowStates; ++i) {
          sums.low[i] += terms[i];
          total += terms[i];
        }
        // The sums over low states take the place of the factors, which are not needed again.
        double* const other_total = factor;
        for (int64_t other = 0; other < layer.others; ++other) {
          other_total[other] = add_means(factor[other], layer.low_factors + other * kLowStates,
                                         terms, sums.low_pairs + other * kLowStates);
        }
        for (int64_t high = 0; high < layer.high_units; ++high) {
          if (((state >> high) & 1) == 0) {
            continue;
          }
          sums.high[high] += total;
          double* const pairs = sums.high_pairs + high * layer.others;
          for (int64_t other = 0; other < layer.others; ++other) {
            pairs[other] += other_total[other];
          }
        }
      });
  return unit;
}

}  // namespace

void add_enumeration_kernel(Kernels& kernels) {
  kernels.log_sum_states = &log_sum_states;
  kernels.sum_moments = &sum_moments;
}

}  // namespace torch_rbm::cpu::TORCH_RBM_CAPABILITY
