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

const UnitType* find(std::string_view name) {
  for (const auto& [type_name, type] : table()) {
    if (type_name == name) {
      return type;
    }
  }
  return nullptr;
}

std::string known_names() {
  std::string names;
  for (const auto& [name, type] : table()) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name);
  }
  return names;
}

}  // namespace torch_rbm::units
