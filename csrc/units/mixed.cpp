// A layer of groups of different unit types: each formula on its own elements.
#include "units/mixed.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace torch_rbm::units {

template <typename Compute>
Tensor Mixed::concatenated(const Compute& compute) const {
  std::vector<Tensor> parts;
  int64_t first = 0;
  for (const Layer& group : groups_) {
    parts.push_back(compute(*group, first));
    first += group->size();
  }
  return at::cat(parts, -1);
}

Tensor Mixed::cumulant(const Tensor& field) const {
  return concatenated([&](const UnitType& group, int64_t first) {
           return group.cumulant(field.narrow(-1, first, group.size())).unsqueeze(-1);
         })
      .sum(-1);
}

Tensor Mixed::mean(const Tensor& field) const {
  return concatenated([&](const UnitType& group, int64_t first) {
    return group.mean(field.narrow(-1, first, group.size()));
  });
}

Tensor Mixed::mean_backward(const Tensor& grad, const Tensor& field) const {
  return concatenated([&](const UnitType& group, int64_t first) {
    return group.mean_backward(grad.narrow(-1, first, group.size()),
                               field.narrow(-1, first, group.size()));
  });
}

Tensor Mixed::sample(const Tensor& field, const Tensor& uniforms) const {
  return concatenated([&](const UnitType& group, int64_t first) {
    return group.sample(field.narrow(-1, first, group.size()),
                        uniforms.narrow(-1, first, group.size()));
  });
}

Tensor Mixed::precision() const {
  Tensor some;
  for (const Layer& group : groups_) {
    if (group->precision().defined()) {
      some = group->precision();
    }
  }
  if (!some.defined()) {
    return {};
  }
  return concatenated([&](const UnitType& group, int64_t) {
    const Tensor precision = group.precision();
    return precision.defined() ? precision.to(some.options())
                               : at::zeros({group.size()}, some.options());
  });
}

double Mixed::log2_states() const {
  double sum = 0;
  for (const Layer& group : groups_) {
    sum += group->log2_states();
  }
  return sum;
}

Tensor Mixed::states(int64_t first, int64_t count, const at::Device& device) const {
  // Mixed radix: the first group's states change fastest. A group's states that are asked for are
  // looked up among all of its own.
  const auto integers = at::TensorOptions().dtype(at::kLong).device(device);
  Tensor number = at::arange(first, first + count, integers);
  return concatenated([&](const UnitType& group, int64_t) {
    const auto own = static_cast<int64_t>(std::llround(std::exp2(group.log2_states())));
    const Tensor index = number.remainder(own);
    number = number.floor_divide(own);
    return group.states(0, own, device).index_select(0, index);
  });
}

}  // namespace torch_rbm::units
