// The CPU kernels: what they compute on, and the table through which they are called. Kernel files
// are compiled once for each instruction set, work on raw pointers and include no ATen or standard
// library header whose inline functions could leak from one instruction set into another.
//
// States of Bernoulli units are kept as bits, 64 units in a word. Weights are kept as fixed-point
// integers, in panels of 16 units. Sums of integers are exact, so that neither the order of a sum
// nor the way it is computed can change a state: every path, thread count and instruction set gives
// the same bits.
#pragma once

#include <stdint.h>

namespace torch_rbm::cpu {

/// Units whose states share a word, and whose random numbers share a group of Philox blocks.
inline constexpr int64_t kBlockUnits = 64;
/// Units that are summed side by side: a cache line of 32-bit sums.
inline constexpr int64_t kPanelUnits = 16;
inline constexpr int64_t kPanelsPerBlock = kBlockUnits / kPanelUnits;

/// How many parts of `size` it takes to hold `count`.
constexpr int64_t parts(int64_t count, int64_t size) {
  return (count + size - 1) / size;
}

constexpr int64_t round_up(int64_t count, int64_t multiple) {
  return parts(count, multiple) * multiple;
}

template <typename Real>
struct FixedPoint;
template <>
struct FixedPoint<float> {
  using Sum = int32_t;
};
template <>
struct FixedPoint<double> {
  using Sum = int64_t;
};
/// The integer in which weights of this type are summed.
template <typename Real>
using Sum = typename FixedPoint<Real>::Sum;

/// Rows of states as bits: bit u % 64 of word u / 64 is unit u. Bits past the last unit are 0.
struct BitRows {
  uint64_t* words;
  int64_t stride;  // words from row to row
  int64_t rows;
  int64_t units;

  [[nodiscard]] BitRows from(int64_t first, int64_t last) const {
    return {words + first * stride, stride, last - first, units};
  }
};

/// How a tensor spells two states: elements of `bytes` bytes, `zero` for the first and `one` for
/// the second.
struct StateFormat {
  int64_t bytes;
  uint64_t zero;
  uint64_t one;
  uint64_t ignored;  // bits of a zero that may be set: the sign of a number
};

/// A matrix in any memory order.
template <typename Value>
struct Matrix {
  Value* values;
  int64_t row_stride;
  int64_t column_stride;

  [[nodiscard]] Value* at(int64_t row, int64_t column) const {
    return values + row * row_stride + column * column_stride;
  }
};

/// Rows of neighbouring values.
template <typename Value>
struct Rows {
  Value* values;
  int64_t stride;  // from row to row
  int64_t rows;
  int64_t columns;
};

/// What centring knows of the units of one layer: the gradients of their biases and their offsets.
template <typename Real>
struct CenteredLayer {
  const Real* grad_bias;
  const Real* offset;
};

/// Neighbouring panels of weights, [inputs][16] each.
template <typename Value>
struct Panels {
  const Value* values;
  int64_t stride;  // from panel to panel
  int64_t count;

  [[nodiscard]] const Value* panel(int64_t index) const { return values + index * stride; }
};

/// Sums or fields of a block of 64 units for some rows: [4 panels][rows][16 units].
template <typename Value>
struct Block {
  Value* values;
  int64_t rows;

  [[nodiscard]] Value* panel(int64_t index) const { return values + index * rows * kPanelUnits; }
};

/// The random numbers of a block: of which key, step and layer, from which row on.
struct Draw {
  uint64_t seed = 0;
  uint64_t step = 0;
  uint32_t layer = 0;
  int64_t first_row = 0;
  int64_t block = 0;
};

/// Kernels for weights of one floating-point type.
template <typename Real>
struct RealKernels {
  using Integer = Sum<Real>;

  /// Packs the weights of up to 16 units, [units, inputs], with `padded_inputs` rows of zeros at
  /// the end: panel[input][unit] ≈ weight / step[unit], bias_sum likewise, where each unit has its
  /// own power of two for a step, the smallest with which no sum overflows. Returns false where a
  /// number is not finite or a step is coarser than the rounding of a dense product would be.
  bool (*pack_panel)(Matrix<const Real> weight, const Real* bias, int64_t bias_stride,
                     int64_t units, int64_t inputs, int64_t padded_inputs, Integer* panel,
                     Integer* bias_sum, Real* step);

  /// For up to four panels: sums[panel][row][16] = initial[panel][16] + the rows of the panel that
  /// `active[starts[row]...]` lists.
  void (*sum_rows)(Panels<Integer> panels, const uint32_t* active, const int64_t* starts,
                   int64_t rows, const Integer* initial, Integer* sums);
  /// The same sums for states as bits, from tables of the sums of every few rows of a panel, which
  /// has 64 rows for each word.
  void (*sum_tables)(Panels<Integer> panels, BitRows states, const Integer* initial, Integer* sums);

  /// fields[panel][row][16] = sums[panel][row][16] * step[panel][16]; may be in place.
  void (*scale_sums)(const Integer* sums, const Real* step, int64_t panels, int64_t rows,
                     Real* fields);
  /// Copies fields of a dense product, [rows, units], into a block; 0 for missing units.
  void (*load_block)(Matrix<const Real> fields, int64_t units, Block<Real> block);

  /// Word `draw.block` of every row: samples of Bernoulli units with fields scale * field + shift;
  /// `scales` has one value a row, `shift` one a unit, or they are null. Bits past `units` are 0.
  void (*sample)(Block<const Real> fields, int64_t units, const Real* scales, const Real* shift,
                 Draw draw, BitRows states);
  /// Means of Bernoulli units, [rows, units].
  void (*mean)(Block<const Real> fields, int64_t units, Matrix<Real> means);
  /// Means as integers mean / step, panel by panel: means[panel][row][16], `panel_stride` apart.
  void (*fixed_mean)(Block<const Real> fields, Real step, Integer* means, int64_t panel_stride);
  /// Samples in the same form.
  void (*fixed_states)(BitRows states, int64_t block, Real step, Integer* values,
                       int64_t panel_stride);
  /// Σ softplus(field) over the units of a block, one value a row.
  void (*softplus_sum)(Block<const Real> fields, int64_t units, double* sums, int64_t stride);
  /// Σ softplus(to * field) - softplus(from * field) over the units of a block, for each row with
  /// its own `from` and `to`.
  void (*softplus_change)(Block<const Real> fields, int64_t units, const double* from,
                          const double* to, double* sums, int64_t stride);

  /// values[rows][16] += factor * sums[rows][16], or = when `assign`.
  void (*add_sums)(const Integer* sums, int64_t rows, Real factor, bool assign, Real* values);
  /// total[panel][16] = the sum of the rows of each panel.
  void (*sum_all_rows)(Panels<Integer> panels, int64_t rows, Integer* total);
  /// matrix[unit][row] = values[unit / 16][row][unit % 16] for up to 64 units, or += when `add`.
  void (*store_transposed)(const Real* values, int64_t rows, int64_t units, Matrix<Real> matrix,
                           bool add);

  /// out = gradient - row bias ⊗ column offset - row offset ⊗ column bias, biases standing for
  /// their gradients; row_field[row] = Σ out · column offset, column_field[column] =
  /// Σ out · row offset.
  void (*center)(Rows<const Real> gradient, CenteredLayer<Real> row_layer,
                 CenteredLayer<Real> column_layer, Rows<Real> out, Real* row_field,
                 Real* column_field);

  // Rows of weights, [rows][width], of the levels of rated items.
  /// sums[width] += the rows that `index` lists.
  void (*add_rows)(const Real* rows, int64_t width, const int64_t* index, int64_t count,
                   Real* sums);
  /// sums[width] += factor * row.
  void (*add_scaled)(Real factor, const Real* row, int64_t width, Real* sums);
  /// out[i] = row i · states.
  void (*products)(const Real* rows, int64_t count, int64_t width, const Real* states, Real* out);
  /// out[i] = Σ softplus(field + row i) - max(field, 0), which differs from the sum of softplus by
  /// the same number for all rows and keeps its digits where fields are large.
  void (*softplus_changes)(const Real* rows, int64_t count, int64_t width, const Real* field,
                           double* out);
};

/// The states of the first four units of an enumerated layer, which are summed side by side.
inline constexpr int64_t kLowUnits = 4;
inline constexpr int64_t kLowStates = 1 << kLowUnits;

/// A layer whose states are enumerated, split into four low units and the others, the high ones,
/// and the other layer, of `others` units.
struct EnumeratedLayer {
  int64_t others;
  int64_t high_units;
  const double* other_bias;
  const double* high_weights;  // [high units][others]
  const double* high_bias;
  const double* low_weights;  // exp of the low units' biases, for each of their states
  const double* low_factors;  // [others][low states]: exp of what the low units add to a field
  int64_t safe_factors;       // how many 1 + exp(field) may be multiplied without overflow
};

/// Where a kernel adds up exp(-E) over states, times 1, a state, or a product of states.
struct MomentSums {
  double* low;         // [low states]: of each state of the low units
  double* high;        // [high units]
  double* low_pairs;   // [others][low states]: times the mean of the other unit
  double* high_pairs;  // [high units][others]
};

/// What kernels cost: nanoseconds for 16 units of 32 bits on one thread.
struct Costs {
  double row_addition;  // the weights of one active unit
  double table_word;    // the table entries of 64 units of one row
  double table_build;   // the tables of 64 units, once for all rows
};

struct Kernels {
  Costs costs;

  /// Reads rows of two states into bits; returns false at any other value. Strides are in elements.
  bool (*pack_states)(const void* values, StateFormat format, int64_t row_stride,
                      int64_t unit_stride, BitRows states);
  /// Writes bits as [rows, units] elements; the stride is in elements.
  void (*unpack_states)(BitRows states, StateFormat format, void* values, int64_t row_stride);
  /// to[unit][row] = from[row][unit] for units 64 * first_word to 64 * last_word.
  void (*transpose_states)(BitRows from, int64_t first_word, int64_t last_word, BitRows to);
  /// starts[row + 1] = starts[row] + the number of active units of the row.
  void (*count_active)(BitRows states, int64_t* starts);
  /// The active units of each row at active[starts[row]...].
  void (*list_active)(BitRows states, const int64_t* starts, uint32_t* active);
  /// sums[row] = the sum of `values` at the active units of the row.
  void (*dot)(BitRows states, const double* values, double* sums);
  /// Where a bit of `mask` is set, the bit of `given`, elsewhere that of `states`, to `states`;
  /// for one word of every row.
  void (*clamp)(BitRows given, BitRows mask, int64_t word, BitRows states);

  /// log Σ exp(-E) over all states of both layers with the high units in state number `first` to
  /// `last` of a Gray code. `scratch` has room for twice as many numbers as there are others.
  double (*log_sum_states)(const EnumeratedLayer& layer, int64_t first, int64_t last,
                           double* scratch);

  /// Adds up the same over the same states for the moments of the model, onto zeros. Returns the
  /// logarithm of the unit that the sums are in.
  double (*sum_moments)(const EnumeratedLayer& layer, int64_t first, int64_t last, double* scratch,
                        const MomentSums& sums);

  /// Uniforms of `rows` rows of units, the first of which are at draw.first_row and draw.block.
  void (*uniform)(Draw draw, int64_t rows, int64_t units, float* out);

  RealKernels<float> single;
  RealKernels<double> wide;

  template <typename Real>
  [[nodiscard]] const RealKernels<Real>& real() const {
    if constexpr (sizeof(Real) == sizeof(float)) {
      return single;
    } else {
      return wide;
    }
  }
};

}  // namespace torch_rbm::cpu
