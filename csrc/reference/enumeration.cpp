// Enumeration as ATen formulas.
#include "reference/enumeration.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>

namespace torch_rbm::reference {

Enumeration::Enumeration(const Model& model)
    : hidden_(model.hidden->log2_states() <= model.visible->log2_states()),
      units_(hidden_ ? model.hidden : model.visible),
      other_units_(hidden_ ? model.visible : model.hidden),
      weight_(model.weight.to(at::kDouble)),
      bias_(model.visible_bias.to(at::kDouble)),
      other_bias_(model.hidden_bias.to(at::kDouble)) {
  if (hidden_) {
    weight_ = weight_.t();
    std::swap(bias_, other_bias_);
  }
}

void Enumeration::for_each_block(const std::function<void(const Block&)>& visit) const {
  constexpr int64_t kBlockElements = int64_t{1} << 17;  // stays in a core's cache
  const auto total = static_cast<int64_t>(std::llround(std::exp2(units_->log2_states())));
  const auto width = std::max({weight_.size(0), weight_.size(1), int64_t{1}});
  const auto block_size = std::max(kBlockElements / width, int64_t{1});
  for (int64_t first = 0; first < total; first += block_size) {
    Block block;
    block.states = units_->states(first, std::min(block_size, total - first), weight_.device());
    block.other_field = at::linear(block.states, weight_, other_bias_);
    block.log_weight = other_units_->cumulant(block.other_field) + at::matmul(block.states, bias_);
    visit(block);
  }
}

}  // namespace torch_rbm::reference
