// Every operator of torch_rbm: schema, tags and alias kind, on one page.
#include "units/specification.h"
#include <torch_rbm/version.h>

#include <fmt/format.h>
#include <torch/library.h>

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace torch_rbm {

namespace {

const std::string kParameters = "Tensor weight, Tensor visible_bias, Tensor hidden_bias";
const std::string kUnits =
    "str visible_units=\"bernoulli\", str hidden_units=\"bernoulli\", "
    "Tensor? visible_precision=None, Tensor? hidden_precision=None";
// Of the layer that is computed.
const std::string kVisibleUnits = "str visible_units=\"bernoulli\", Tensor? visible_precision=None";
const std::string kHiddenUnits = "str hidden_units=\"bernoulli\", Tensor? hidden_precision=None";

void pure(torch::Library& m, const std::string& name, const std::string& arguments,
          const std::string& results) {
  m.def(torch::schema(fmt::format("{}({}) -> {}", name, arguments, results).c_str()),
        {at::Tag::pt2_compliant_tag});
}

// A sampler has two overloads: one that draws a key from a generator, and `.key`, a pure function
// of a given key. The first is CONSERVATIVE because TorchScript merges two identical calls of any
// operator outside aten that it takes to be pure, whatever its tags say.
void sampler(torch::Library& m, const std::string& name, const std::string& arguments,
             const std::string& results) {
  m.def(
      torch::schema(
          fmt::format("{}({}, Generator? generator=None) -> {}", name, arguments, results).c_str(),
          c10::AliasAnalysisKind::CONSERVATIVE),
      {at::Tag::nondeterministic_seeded, at::Tag::pt2_compliant_tag});
  pure(m, name + ".key", arguments + ", Tensor key", results);
}

std::tuple<std::vector<std::string>, std::vector<int64_t>, std::vector<int64_t>, std::string>
unit_groups(std::string_view units, int64_t size) {
  const units::Specification specification = units::parse(units, size);
  std::vector<std::string> types;
  std::vector<int64_t> sizes;
  std::vector<int64_t> states;
  for (const units::Group& group : specification.groups) {
    types.emplace_back(group.type);
    sizes.push_back(group.size);
    states.push_back(group.states);
  }
  return {types, sizes, states, specification.error};
}

}  // namespace

TORCH_LIBRARY(torch_rbm, m) {
  m.def("version() -> str", [] { return std::string(TORCH_RBM_VERSION); });
  // The groups that a layer's units name: types, elements, states of categorical units, or else
  // what was expected.
  m.def("unit_groups(str units, int size) -> (str[], int[], int[], str)", &unit_groups);

  pure(m, "energy", "Tensor visible, Tensor hidden, " + kParameters + ", *, " + kUnits, "Tensor");
  pure(m, "free_energy", "Tensor visible, " + kParameters + ", *, " + kUnits, "Tensor");
  pure(m, "log_partition", kParameters + ", *, " + kUnits, "Tensor");
  pure(m, "moments", kParameters + ", *, " + kUnits,
       "(Tensor log_partition, Tensor weight, Tensor visible, Tensor hidden)");

  pure(m, "cumulant", "Tensor field, *, str units=\"bernoulli\", Tensor? precision=None", "Tensor");
  pure(m, "hidden_mean", "Tensor visible, Tensor weight, Tensor hidden_bias, *, " + kHiddenUnits,
       "Tensor");
  pure(m, "visible_mean", "Tensor hidden, Tensor weight, Tensor visible_bias, *, " + kVisibleUnits,
       "Tensor");
  sampler(m, "sample_hidden",
          "Tensor visible, Tensor weight, Tensor hidden_bias, *, " + kHiddenUnits, "Tensor");
  sampler(m, "sample_visible",
          "Tensor hidden, Tensor weight, Tensor visible_bias, *, " + kVisibleUnits, "Tensor");

  sampler(
      m, "gibbs",
      "Tensor visible, " + kParameters + ", SymInt steps=1, *, " + kUnits + ", Tensor? clamp=None",
      "(Tensor visible, Tensor hidden)");
  const std::string divergence =
      "Tensor data, Tensor chain, " + kParameters + ", SymInt steps=1, *, " + kUnits +
      ", Tensor? observed=None, bool sampled_hidden=False, bool mean_visible=False";
  sampler(m, "contrastive_divergence", divergence,
          "(Tensor grad_weight, Tensor grad_visible_bias, Tensor grad_hidden_bias, Tensor chain)");
  sampler(m, "contrastive_divergence_with_means", divergence,
          "(Tensor grad_weight, Tensor grad_visible_bias, Tensor grad_hidden_bias, "
          "Tensor visible_mean, Tensor hidden_mean, Tensor chain)");
  pure(m, "centered_gradient",
       "Tensor grad_weight, Tensor grad_visible_bias, Tensor grad_hidden_bias, "
       "Tensor visible_offset, Tensor hidden_offset",
       "(Tensor grad_weight, Tensor grad_visible_bias, Tensor grad_hidden_bias)");

  sampler(m, "annealed_importance_sampling",
          "Tensor chain, " + kParameters + ", Tensor base_visible_bias, Tensor betas, *, " + kUnits,
          "(Tensor log_weight, Tensor chain)");

  sampler(m, "parallel_tempering",
          "Tensor chain, " + kParameters +
              ", Tensor base_visible_bias, Tensor betas, SymInt steps=1, *, " + kUnits,
          "(Tensor chain, Tensor accepted, Tensor proposed, Tensor origin)");

  const std::string ratings = "Tensor crow, Tensor items, Tensor levels, ";
  const std::string hidden_type = ", *, str hidden_units=\"bernoulli\"";
  pure(m, "ratings_hidden_mean", ratings + "Tensor weight, Tensor hidden_bias" + hidden_type,
       "Tensor");
  pure(m, "ratings_visible_mean",
       "Tensor crow, Tensor items, Tensor hidden, Tensor weight, Tensor visible_bias", "Tensor");
  pure(m, "ratings_free_energy", ratings + kParameters + hidden_type, "Tensor");
  pure(m, "ratings_predict",
       ratings + "Tensor query_crow, Tensor query_items, " + kParameters + hidden_type, "Tensor");
  const std::string steps = ", SymInt steps=1";
  sampler(m, "ratings_gibbs", ratings + kParameters + steps + hidden_type,
          "(Tensor levels, Tensor hidden)");
  sampler(m, "ratings_contrastive_divergence",
          ratings + kParameters + steps + hidden_type +
              ", bool sampled_hidden=False, bool mean_visible=False",
          "(Tensor grad_weight, Tensor grad_visible_bias, Tensor grad_hidden_bias, Tensor chain)");

  pure(m, "uniform", "Tensor key, SymInt rows, SymInt units, *, SymInt step=0, int layer=0",
       "Tensor");
}

}  // namespace torch_rbm
