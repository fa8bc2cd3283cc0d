"""Breaks for mutate.py: what to change in which file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Mutation:
    name: str
    file: str
    old: str
    new: str


REFERENCE = "csrc/reference"
MUTATIONS = [
    Mutation(
        "free energy takes the hidden bias twice",
        f"{REFERENCE}/free_energy.cpp",
        "cumulant(model.hidden_field(states))",
        "cumulant(model.hidden_field(states) + model.hidden_bias)",
    ),
    Mutation(
        "softplus overflows at 90",
        "csrc/units/bernoulli.cpp",
        "return at::softplus(field, /*beta=*/1, kThreshold).sum(-1);",
        "return (1 + field.exp()).log().sum(-1) + 0 * kThreshold;",
    ),
    Mutation(
        "softplus cut off at PyTorch's own threshold",
        "csrc/units/bernoulli.cpp",
        "kThreshold = 40.0",
        "kThreshold = 20.0",
    ),
    Mutation(
        "u <= p instead of u < p",
        "csrc/units/bernoulli.cpp",
        "uniforms < at::sigmoid(field)",
        "uniforms <= at::sigmoid(field)",
    ),
    Mutation(
        "the last Gibbs step is skipped",
        f"{REFERENCE}/gibbs.cpp",
        "step < steps; ++step",
        "step < std::max(steps - 1, std::min(steps, int64_t{1})); ++step",
    ),
    Mutation(
        "the visible units see the hidden means, not samples",
        f"{REFERENCE}/gibbs.cpp",
        "model.visible_field(chain.hidden);",
        "model.visible_field(model.hidden.mean(model.hidden_field(chain.visible)));",
    ),
    Mutation(
        "the visible bias is forgotten in sampling",
        f"{REFERENCE}/model.cpp",
        "return at::linear(hidden_states, weight.t(), visible_bias);",
        "return at::linear(hidden_states, weight.t());",
    ),
    Mutation(
        "clamped units are sampled",
        f"{REFERENCE}/gibbs.cpp",
        "at::where(*clamp, start, chain.visible)",
        "at::where(*clamp, chain.visible, chain.visible)",
    ),
    Mutation(
        "the negative phase is divided by the count of the data",
        f"{REFERENCE}/contrastive_divergence.cpp",
        "phase(moved, hidden_statistics(moved, steps));",
        "phase(moved.repeat({2, 1}).narrow(0, 0, moved.size(0)), hidden_statistics(moved, steps) *"
        " (static_cast<double>(moved.size(0)) / static_cast<double>(data_rows.size(0))));",
    ),
    Mutation(
        "gradient to ascend instead of to descend",
        f"{REFERENCE}/contrastive_divergence.cpp",
        "like_parameter(negative.hidden_bias - positive.hidden_bias",
        "like_parameter(positive.hidden_bias - negative.hidden_bias",
    ),
    Mutation(
        "sampled hidden states where means were asked for",
        f"{REFERENCE}/contrastive_divergence.cpp",
        "return sampled_hidden ?",
        "return !sampled_hidden ?",
    ),
    Mutation(
        "k is not used",
        f"{REFERENCE}/contrastive_divergence.cpp",
        "gibbs(chain_rows, model, steps, missing",
        "gibbs(chain_rows, model, 1, missing",
    ),
    Mutation(
        "the persistent chain does not persist",
        "torch_rbm/losses/contrastive_divergence.py",
        "self.chain.copy_(estimate.chain)",
        "estimate.chain.clone()",
    ),
    Mutation(
        "log Z misses a state",
        f"{REFERENCE}/enumeration.cpp",
        "for (int64_t first = 0; first < total",
        "for (int64_t first = 1; first < total",
    ),
    Mutation(
        "kernel: moments keep the old unit when a larger term comes",
        "csrc/cpu/kernels/enumeration.cpp",
        "multiply(sums.low_pairs, layer.others * kLowStates, smaller);",
        "",
    ),
    Mutation(
        "kernel: moments of units that are not active",
        "csrc/cpu/kernels/enumeration.cpp",
        "if (((state >> high) & 1) == 0) {",
        "if (((state >> high) & 1) != 0) {",
    ),
    Mutation(
        "moments: pieces are added as if they had one unit",
        "csrc/cpu/moments.cpp",
        "sum = sum * scale + term * other_scale;",
        "sum = sum + term;",
    ),
    Mutation(
        "AIS samples from the next temperature before it weighs",
        f"{REFERENCE}/annealed_importance_sampling.cpp",
        "const Tensor scale = next.to(",
        "const Tensor scale = betas[betas.size(0) - 1].to(",
    ),
    Mutation(
        "AIS forgets the base rates",
        f"{REFERENCE}/annealed_importance_sampling.cpp",
        "(1 - scale) * base_visible_bias + scale",
        "scale",
    ),
    Mutation(
        "reverse AIS with the forward sign",
        "torch_rbm/evaluation.py",
        "high = base_log_z - log_mean(reverse)",
        "high = base_log_z + log_mean(reverse)",
    ),
    Mutation(
        "the standard deviation given as the standard error",
        "torch_rbm/annealing.py",
        "- 1) / len(term)).item()",
        "- 1)).item()",
    ),
    Mutation(
        "pseudo-likelihood of the flipped state",
        "torch_rbm/pseudo_likelihood.py",
        "return -free_energy - torch.logsumexp(",
        "return free_energy - torch.logsumexp(",
    ),
]


KERNELS = "csrc/cpu/kernels"
MUTATIONS += [
    Mutation(
        "a spin samples with the field of a Bernoulli unit",
        "csrc/units/spin.cpp",
        "at::sigmoid(2 * field)",
        "at::sigmoid(field)",
    ),
    Mutation(
        "a softmax over the whole layer",
        "csrc/units/categorical.cpp",
        "return by_unit(field).logsumexp(-1).sum(-1);",
        "return field.logsumexp(-1);",
    ),
    Mutation(
        "each element of a categorical unit with its own uniform",
        "csrc/units/categorical.cpp",
        "by_unit(uniforms).narrow(-1, 0, 1)",
        "by_unit(uniforms)",
    ),
    Mutation(
        "the precision taken for a variance",
        "csrc/units/gaussian.cpp",
        "(precision / 2).rsqrt()",
        "(precision / 2).sqrt()",
    ),
    Mutation(
        "visible Gaussians sampled by their means alone",
        "csrc/units/gaussian.cpp",
        "return at::addcmul(field / precision, normal, (precision / 2).rsqrt());",
        "return field / precision + 0 * normal + 0 * precision;",
    ),
    Mutation(
        "noisy rectified units in place of truncated normals",
        "csrc/units/relu.cpp",
        "sample_near(z.clamp_min(kFar), u)",
        "z + at::special_ndtri(u)",
    ),
    Mutation(
        "missing values come back in the chain",
        f"{REFERENCE}/contrastive_divergence.cpp",
        "gibbs(chain_rows, model, steps, missing",
        "gibbs(chain_rows, model, steps, std::nullopt",
    ),
    Mutation(
        "precisions learn in the wrong direction",
        "torch_rbm/losses/estimate.py",
        "(second_moment(data) - second_moment(chain)) / 2",
        "(second_moment(chain) - second_moment(data)) / 2",
    ),
    Mutation(
        "visible biases from frequencies that are not smoothed",
        "torch_rbm/initialization.py",
        "torch.logit((added + 1) / (cases + 2))",
        "torch.logit(added / cases)",
    ),
    Mutation(
        "the bias of the label is left out of the classifier",
        "torch_rbm/classification.py",
        "return hidden + self.visible_bias[self.data :]",
        "return hidden + 0 * self.visible_bias[self.data :]",
    ),
    Mutation(
        "kernel: random numbers shared by all rows",
        f"{KERNELS}/bernoulli.cpp",
        "uniforms.row(draw.first_row + row, u)",
        "uniforms.row(draw.first_row, u)",
    ),
    Mutation(
        "kernel: random numbers shared by both layers",
        f"{KERNELS}/uniform.h",
        "draw.step, draw.layer)",
        "draw.step, draw.layer * 0)",
    ),
    Mutation(
        "kernel: random numbers shared by all steps",
        "csrc/cpu/key.h",
        "offset + static_cast<uint64_t>(step)",
        "offset + static_cast<uint64_t>(step * 0)",
    ),
    Mutation(
        "kernel: exp of one term less",
        f"{KERNELS}/exponential.h",
        "static constexpr int kDegree = 7;",
        "static constexpr int kDegree = 4;",
    ),
    Mutation(
        "kernel: exp ends too early",
        f"{KERNELS}/exponential.h",
        "static constexpr float kHighest = 89.0F;",
        "static constexpr float kHighest = 40.0F;",
    ),
    Mutation(
        "kernel: the bias is forgotten",
        f"{KERNELS}/sums.cpp",
        "sum[panel] = Row::load(initial + panel * kPanelUnits);",
        "sum[panel] = Row{};",
    ),
    Mutation(
        "kernel: the last tables are skipped",
        f"{KERNELS}/sums.cpp",
        "for (int64_t group = 2; group < Tables<Value>::kGroups; group += 2)",
        "for (int64_t group = 2; group < Tables<Value>::kGroups - 2; group += 2)",
    ),
    Mutation(
        "kernel: fixed-point steps for the sum of half of the weights",
        f"{KERNELS}/panels.cpp",
        "const int64_t exponent = exponent_above(size[unit], kLeastExponent);",
        "const int64_t exponent = exponent_above(size[unit], kLeastExponent) - 3;",
    ),
    Mutation(
        "kernel: weights cut off instead of rounded",
        f"{KERNELS}/panels.cpp",
        "value + (value < 0 ? Real(-0.5) : Real(0.5))",
        "value",
    ),
    Mutation(
        "kernel: outliers drown the other weights",
        f"{KERNELS}/panels.cpp",
        "kLargestSum = 1024.0F",
        "kLargestSum = 1e30F",
    ),
    Mutation(
        "kernel: grey data taken for binary",
        f"{KERNELS}/states.cpp",
        "if (other != 0) {",
        "if (other > 1) {",
    ),
    Mutation(
        "kernel: clamped units are sampled",
        "csrc/cpu/gibbs.cpp",
        "      if (kept) {",
        "      if (kept && false) {",
    ),
    Mutation(
        "kernel: the last Gibbs step is skipped",
        "csrc/cpu/gibbs.cpp",
        "step < std::max<int64_t>(steps, 1); ++step",
        "step < std::max<int64_t>(steps - 1, 1); ++step",
    ),
    Mutation(
        "kernel: k is not used",
        "csrc/cpu/contrastive_divergence.cpp",
        "step < options_.steps; ++step",
        "step < std::min<int64_t>(options_.steps, 1); ++step",
    ),
    Mutation(
        "kernel: gradient to ascend instead of to descend",
        "csrc/cpu/contrastive_divergence.cpp",
        "phases, -row_weight(data), row_weight(chain)",
        "phases, row_weight(data), -row_weight(chain)",
    ),
    Mutation(
        "kernel: the negative phase is divided by the count of the data",
        "csrc/cpu/contrastive_divergence.cpp",
        "phases, -row_weight(data), row_weight(chain)",
        "phases, -row_weight(data), row_weight(data)",
    ),
    Mutation(
        "kernel: sampled hidden states where means were asked for",
        "csrc/cpu/contrastive_divergence.cpp",
        "      if (options_.sampled_hidden) {\n        return;",
        "      if (!options_.sampled_hidden) {\n        return;",
    ),
    Mutation(
        "kernel: later chunks overwrite the gradient",
        "csrc/cpu/gradient.cpp",
        "/*add=*/!empty_",
        "/*add=*/false",
    ),
    Mutation(
        "kernel: AIS samples from the last temperature",
        "csrc/cpu/annealed_importance_sampling.cpp",
        "static_cast<Real>(betas[step + 1])",
        "static_cast<Real>(betas[count - 1])",
    ),
    Mutation(
        "kernel: AIS forgets the base rates",
        "csrc/cpu/annealed_importance_sampling.cpp",
        "scales.data(), path.base()}",
        "scales.data()}",
    ),
    Mutation(
        "kernel: log Z misses a state",
        f"{KERNELS}/enumeration.cpp",
        "for (int64_t state = first; state < last; ++state)",
        "for (int64_t state = first; state < last - (last > 9); ++state)",
    ),
    Mutation(
        "kernels: spins lose the energy of their zeros",
        "csrc/cpu/binary_model.cpp",
        "-states.zero * bias.sum",
        "states.zero * bias.sum",
    ),
    Mutation(
        "kernels: gradient for spins forgets the other layer's bias",
        "csrc/cpu/binary_model.cpp",
        "  pairs += visible_bias * (visible_.scale() * hidden_.zero);\n",
        "",
    ),
    Mutation(
        "kernels: missing units are sampled in the chain",
        "csrc/cpu/model.h",
        "        result.states.keep(observed->states);\n",
        "",
    ),
    Mutation(
        "tempering: exchanges are too easy",
        f"{REFERENCE}/parallel_tempering.cpp",
        "u.to(at::kDouble).log() < log_odds)",
        "u.to(at::kDouble).log() < log_odds + 0.5)",
    ),
    Mutation(
        "kernels: tempering forgets the visible biases",
        "csrc/cpu/parallel_tempering.cpp",
        "changes.add_to((other[i] - own[i]) * linear.data()[row], row)",
        "changes.add_to(0, row)",
    ),
    Mutation(
        "kernels: an exchanged state keeps the hidden sample of its old temperature",
        "csrc/cpu/parallel_tempering.cpp",
        "        stay.copy_row(move, low);\n",
        "",
    ),
    Mutation(
        "resume: the generator is not restored",
        "torch_rbm/training/loop.py",
        '        self.random.load_state_dict(state["random"])\n',
        "",
    ),
    Mutation(
        "resume: a batch is done twice",
        "torch_rbm/training/loop.py",
        'self.batches.start_at(state["pass_state"], self.position)',
        'self.batches.start_at(state["pass_state"], max(self.position - 1, 0))',
    ),
    Mutation(
        "resume: the moments of the optimizer are lost",
        "torch_rbm/training/loop.py",
        '        self.optimizer.load_state_dict(state["optimizer"])\n',
        "",
    ),
    Mutation(
        "fast weights have the wrong sign",
        "torch_rbm/losses/fast_weights.py",
        "alpha=self.fast_rate",
        "alpha=-self.fast_rate",
    ),
    Mutation(
        "trajectory tempering: exchanged states keep their energies",
        "torch_rbm/losses/trajectory_tempering.py",
        "        self.reservoir_energy[places] = proposals.frozen_energy[rows]\n",
        "",
    ),
    Mutation(
        "trajectory tempering: log Z goes the wrong way",
        "torch_rbm/losses/trajectory_tempering.py",
        "self.frozen_log_z += bennett(forward, reverse)[0]",
        "self.frozen_log_z -= bennett(forward, reverse)[0]",
    ),
    Mutation(
        "lag: drift of the chains with the wrong sign",
        "torch_rbm/diagnostics.py",
        "mean_and_error(values[0] - late.mean(0))",
        "mean_and_error(late.mean(0) - values[0])",
    ),
    Mutation(
        "untied: generation goes on with the recognition weights",
        "torch_rbm/dbn/belief_layer.py",
        "return self.generative_weight",
        "return self.weight",
    ),
    Mutation(
        "up-down: the dream starts at the data, not at the chain",
        "torch_rbm/dbn/up_down.py",
        "dream = estimate.chain[:,",
        "dream = states[:,",
    ),
    Mutation(
        "up-down: sleep trains recognition on the pass up",
        "torch_rbm/dbn/up_down.py",
        "loss = loss - log_recognition(layer, below, dream).mean()",
        "loss = loss + log_recognition(layer, below, dream).mean()",
    ),
    Mutation(
        "lower bound without the entropy of recognition",
        "torch_rbm/dbn/bound.py",
        "        log_ratio = log_ratio - log_recognition(layer, states, above)\n",
        "",
    ),
    Mutation(
        "lower bound: the label is not summed out",
        "torch_rbm/classification.py",
        "return self.free_energy(joint, None) + logits[..., 0] - logits.logsumexp(-1)",
        "return self.free_energy(joint, None) + logits[..., 0] - logits.max(-1).values",
    ),
    Mutation(
        "the label is not clamped in samples of a class",
        "torch_rbm/dbn/net.py",
        "clamp = torch.arange(top.weight.size(1), device=states.device) >= units",
        "clamp = torch.arange(top.weight.size(1), device=states.device) < 0",
    ),
    Mutation(
        "an autoencoder's decoder forgets learned precisions",
        "torch_rbm/dbn/networks.py",
        "weight, bias = weight / precision, bias / precision",
        "weight, bias = weight, bias / precision",
    ),
    Mutation(
        "early stopping keeps the last parameters",
        "torch_rbm/training/early_stopping.py",
        "        module.load_state_dict(self._best)\n",
        "",
    ),
    Mutation(
        "dropout is on while validation data are measured",
        "torch_rbm/training/fine_tuning.py",
        "        module.eval()\n        loss, wrong",
        "        loss, wrong",
    ),
    Mutation(
        "up-down: dropout without its scale",
        "torch_rbm/dbn/up_down.py",
        "draw_states(kept, generator) / (1 - self.dropout)",
        "draw_states(kept, generator)",
    ),
    Mutation(
        "ratings: the chain of a step draws the numbers of the first",
        "csrc/ops/ratings_kernels.h",
        "model.sample_levels(hidden, {key, step, Layer::visible})",
        "model.sample_levels(hidden, {key, 0, Layer::hidden})",
    ),
    Mutation(
        "ratings: a prediction forgets the biases of the levels",
        "csrc/cpu/ratings.cpp",
        "static_cast<double>(biases[items[i] * levels() + level])",
        "static_cast<double>(biases[level])",
    ),
    Mutation(
        "ratings: statistics of the wrong case",
        "csrc/cpu/ratings.cpp",
        "add(phase, rating, rating_cases[rating], rows, biases)",
        "add(phase, rating, rating_cases[0], rows, biases)",
    ),
    Mutation(
        "ratings: levels are drawn off by one",
        "csrc/reference/ratings.cpp",
        "(u.unsqueeze(1) >= below).sum(1)",
        "(u.unsqueeze(1) < below).sum(1)",
    ),
    Mutation(
        "ratings: logarithms of full lanes are lost",
        "csrc/cpu/kernels/ratings.cpp",
        "    if (++factors_ == kFactors) {\n      take_logarithms();\n    }\n",
        "    if (++factors_ == kFactors) {\n      factors_ = 0;\n      excess_[0] = 0;\n    }\n",
    ),
    Mutation(
        "resume: dropout draws other numbers",
        "torch_rbm/training/checkpoint.py",
        '        torch.set_rng_state(state["default"])\n',
        "",
    ),
    Mutation(
        "resume: other options go unnoticed",
        "torch_rbm/training/plan.py",
        "        if before != now:\n",
        "        if name not in saved:\n",
    ),
]
