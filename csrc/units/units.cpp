// The table of unit types.
#include "units/units.h"

#include "ops/checks.h"
#include "units/bernoulli.h"

#include <array>
#include <string>
#include <utility>

namespace torch_rbm::units {

namespace {

const auto& table() {
  static const Bernoulli bernoulli;
  static const std::array<std::pair<std::string_view, const UnitType*>, 1> types = {
      {{"bernoulli", &bernoulli}}};
  return types;
}

}  // namespace

const UnitType& find(const char* op, const char* argument, std::string_view name) {
  std::string known;
  for (const auto& [type_name, type] : table()) {
    if (type_name == name) {
      return *type;
    }
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", type_name);
  }
  checks::value_error(op, "expected {} to be one of {}, got \"{}\"", argument, known, name);
}

}  // namespace torch_rbm::units
