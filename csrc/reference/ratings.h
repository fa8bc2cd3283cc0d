// The model of ratings as ATen formulas: for any device and any hidden units, differentiable.
// Arguments must have been checked.
#pragma once

#include "ops/ratings.h"
#include "random/stream.h"
#include "units/units.h"

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

#include <cstdint>
#include <memory>

namespace torch_rbm::reference {

using at::Tensor;

/// Which items each case has rated.
struct Rated {
  Tensor crow;   // [cases + 1]
  Tensor items;  // [ratings]
  Tensor rows;   // the case of each rating, [ratings]
  c10::SymInt cases;

  explicit Rated(const RatedArguments& arguments);
};

/// One side of the statistics of a gradient: hidden states or means [cases, hidden], and levels
/// [ratings] or their probabilities [ratings, levels].
struct RatingsPhase {
  const Tensor& visible;
  const Tensor& hidden;
};

/// Sums over cases of ∂E/∂θ, up to the sign.
struct RatingsStatistics {
  Tensor weight;
  Tensor visible_bias;
};

/// The model of some cases, with parameters in the dtype that sums are kept in. What a faster path
/// does better it overrides.
class RatingsModel {
 public:
  RatingsModel(const RatedArguments& cases, const RatingsModelArguments& arguments);
  RatingsModel(const RatingsModel&) = delete;
  RatingsModel& operator=(const RatingsModel&) = delete;
  RatingsModel(RatingsModel&&) = delete;
  RatingsModel& operator=(RatingsModel&&) = delete;
  virtual ~RatingsModel() = default;

  [[nodiscard]] const units::UnitType& hidden() const { return *hidden_; }

  /// The fields of the hidden units given levels or their probabilities, [cases, hidden].
  [[nodiscard]] virtual Tensor hidden_field(const Tensor& visible) const;
  /// p(level | h), [ratings, levels].
  [[nodiscard]] virtual Tensor level_probabilities(const Tensor& hidden_states) const;
  /// Levels drawn from the same by inversion of the distribution function, [ratings].
  [[nodiscard]] virtual Tensor sample_levels(const Tensor& hidden_states,
                                             const random::Stream& stream) const;
  /// p(level | the case's ratings), [queries, levels], given the fields of the hidden units.
  [[nodiscard]] virtual Tensor predict(const Tensor& field, const Rated& query) const;
  /// Those of the first phase minus those of the second.
  [[nodiscard]] virtual RatingsStatistics statistics(const RatingsPhase& first,
                                                     const RatingsPhase& second) const;

  /// F per case, [cases].
  [[nodiscard]] Tensor free_energy(const Tensor& levels) const;

 protected:
  [[nodiscard]] const Rated& rated() const { return rated_; }
  [[nodiscard]] const Tensor& weight() const { return weight_; }
  [[nodiscard]] const Tensor& visible_bias() const { return visible_bias_; }
  [[nodiscard]] const Tensor& hidden_bias() const { return hidden_bias_; }

  /// A uniform for each rating, [ratings].
  [[nodiscard]] Tensor uniforms(const random::Stream& stream) const;

 private:
  // Which of the rows [items * levels] of weight and bias each rating is.
  [[nodiscard]] Tensor level_index(const Tensor& levels) const;

  Rated rated_;
  Tensor weight_;        // [items, levels, hidden]
  Tensor visible_bias_;  // [items, levels], undefined where the operator has none
  Tensor hidden_bias_;   // [hidden] or [cases, hidden]
  units::Layer hidden_;
};

[[nodiscard]] std::unique_ptr<RatingsModel> make_ratings_model(
    const RatedArguments& cases, const RatingsModelArguments& arguments);

}  // namespace torch_rbm::reference
