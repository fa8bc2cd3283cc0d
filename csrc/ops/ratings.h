// Ratings of items by cases, and the model of them, in the arguments of an operator as they came.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

namespace torch_rbm {

/// Which items each case has rated, in compressed sparse row layout; see torch_rbm/ratings.h.
struct RatedArguments {
  const at::Tensor& crow;
  const at::Tensor& items;
  const char* crow_name = "crow";
  const char* items_name = "items";
};

/// What all operators of ratings take; `visible_bias` where the operator does.
struct RatingsModelArguments {
  const at::Tensor& weight;
  const at::Tensor* visible_bias;
  const at::Tensor& hidden_bias;
  std::string_view hidden_units;
};

namespace checks {

// Shapes, dtypes and devices, before any work.
void ratings(const char* op, const RatedArguments& rated, const at::Tensor& levels,
             const RatingsModelArguments& model);
void ratings_query(const char* op, const RatedArguments& rated, const RatedArguments& query,
                   const at::Tensor& weight);
void ratings_visible_mean(const char* op, const RatedArguments& rated, const at::Tensor& hidden,
                          const at::Tensor& weight, const at::Tensor& visible_bias);

/// That the numbers in them are indices of what there is.
void rated_values(const char* op, const RatedArguments& rated, const at::Tensor& weight);
void level_values(const char* op, const at::Tensor& levels, const at::Tensor& weight);

}  // namespace checks

}  // namespace torch_rbm
