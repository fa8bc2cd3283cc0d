// Reads the names of unit types and makes layers of them.
#include "units/specification.h"

#include "units/bernoulli.h"
#include "units/categorical.h"
#include "units/gaussian.h"
#include "units/mixed.h"
#include "units/relu.h"
#include "units/spin.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace torch_rbm::units {

namespace {

constexpr std::string_view kCategorical = "categorical";
constexpr std::array<std::string_view, 5> kNames = {"bernoulli", "spin", kCategorical, "gaussian",
                                                    "relu"};

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::optional<int64_t> positive(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value > 0 ? std::optional(value) : std::nullopt;
}

bool is_known(std::string_view name) {
  return std::ranges::find(kNames, name) != kNames.end();
}

std::string expected_names() {
  std::string names;
  for (const std::string_view name : kNames) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name);
  }
  return "one of " + names +
         ", \"categorical(5)\" or groups with sizes, "
         "\"gaussian:784, categorical:10\"";
}

// One group; its size is 0 where the text has none.
std::optional<Group> parse_group(std::string_view text) {
  Group group{trimmed(text), 0, 0};
  if (const size_t colon = group.type.find(':'); colon != std::string_view::npos) {
    const auto size = positive(trimmed(group.type.substr(colon + 1)));
    if (!size) {
      return std::nullopt;
    }
    group.size = *size;
    group.type = trimmed(group.type.substr(0, colon));
  }
  if (group.type.ends_with(')') && group.type.starts_with(kCategorical) &&
      group.type.size() > kCategorical.size() + 1 && group.type[kCategorical.size()] == '(') {
    const auto states = positive(
        group.type.substr(kCategorical.size() + 1, group.type.size() - kCategorical.size() - 2));
    if (!states) {
      return std::nullopt;
    }
    group.states = *states;
    group.type = kCategorical;
  }
  return is_known(group.type) ? std::optional(group) : std::nullopt;
}

Layer make_group(const Group& group, const Tensor& precision) {
  if (group.type == "bernoulli") {
    return std::make_shared<Bernoulli>(group.size);
  }
  if (group.type == "spin") {
    return std::make_shared<Spin>(group.size);
  }
  if (group.type == "gaussian") {
    return std::make_shared<Gaussian>(group.size, precision);
  }
  if (group.type == "relu") {
    return std::make_shared<Relu>(group.size, precision);
  }
  return std::make_shared<Categorical>(group.size, group.states);
}

}  // namespace

Specification parse(std::string_view text, int64_t size) {
  Specification result;
  int64_t total = 0;
  bool sized = true;
  for (size_t start = 0; start <= text.size();) {
    const size_t comma = std::min(text.find(',', start), text.size());
    const auto group = parse_group(text.substr(start, comma - start));
    if (!group) {
      return {{}, expected_names()};
    }
    sized = sized && group->size > 0;
    total += group->size;
    result.groups.push_back(*group);
    start = comma + 1;
  }
  if (result.groups.size() == 1 && !sized) {
    result.groups[0].size = total = size;
  } else if (!sized) {
    return {{}, "sizes for all groups, as in \"gaussian:784, categorical:10\""};
  }
  if (total != size) {
    return {{}, fmt::format("groups of {} elements in all, not {}", size, total)};
  }
  for (Group& group : result.groups) {
    if (group.type != kCategorical) {
      continue;
    }
    if (group.states == 0) {
      group.states = std::max<int64_t>(group.size, 1);
    }
    if (group.size % group.states != 0) {
      return {{},
              fmt::format("a multiple of {} elements for categorical units of {} states",
                          group.states, group.states)};
    }
  }
  return result;
}

bool has_binary_states(std::string_view text) {
  constexpr std::array<std::string_view, 3> kOthers = {"spin", "gaussian", "relu"};
  return std::ranges::none_of(
      kOthers, [&](std::string_view other) { return text.find(other) != std::string_view::npos; });
}

at::ScalarType sample_dtype(const Tensor& states, std::string_view text, const Tensor& weight) {
  return has_binary_states(text) ? states.scalar_type() : weight.scalar_type();
}

Layer make_layer(std::string_view text, int64_t size, const Tensor& precision) {
  const Specification specification = parse(text, size);
  TORCH_INTERNAL_ASSERT(specification.error.empty(), "unchecked units ", std::string(text));
  if (specification.groups.size() == 1) {
    return make_group(specification.groups[0], precision);
  }
  std::vector<Layer> layers;
  int64_t first = 0;
  for (const Group& group : specification.groups) {
    layers.push_back(make_group(
        group, precision.defined() ? precision.narrow(0, first, group.size) : precision));
    first += group.size;
  }
  return std::make_shared<Mixed>(size, std::move(layers));
}

}  // namespace torch_rbm::units
