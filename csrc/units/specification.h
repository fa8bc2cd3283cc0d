// Unit types by name: "bernoulli", "spin", "gaussian", "relu", "categorical", which is one unit
// with as many states as the layer has elements, "categorical(5)", units of five states each, or
// groups of different types with their sizes, "gaussian:784, categorical:10".
#pragma once

#include "units/units.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace torch_rbm::units {

/// Neighbouring elements of a layer of one type.
struct Group {
  std::string_view type;
  int64_t size;
  int64_t states;  // of a categorical unit, else 0
};

struct Specification {
  std::vector<Group> groups;
  /// What was expected, where the text was not understood or does not fit the size.
  std::string error;
};

[[nodiscard]] Specification parse(std::string_view text, int64_t size);

/// Whether all states are 0 or 1, so that bool and uint8 can hold them.
[[nodiscard]] bool has_binary_states(std::string_view text);

/// The dtype of samples of these units given `states`: that of the states where it can hold them.
[[nodiscard]] at::ScalarType sample_dtype(const Tensor& states, std::string_view text,
                                          const Tensor& weight);

/// The layer that a valid specification describes. `precision` is [size], 1 when undefined, and
/// matters for gaussian and relu units alone.
[[nodiscard]] Layer make_layer(std::string_view text, int64_t size, const Tensor& precision);

}  // namespace torch_rbm::units
