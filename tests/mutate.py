"""Shows that the tests bite: breaks the code on purpose and reports which test catches each break.

    python tests/mutate.py              # all of them, some forty minutes on two cores
    python tests/mutate.py --only steps # those whose name contains a word

Works on a copy of the tree in a temporary folder. Each break is a mistake that RBM code in the
field has made, or a slip of the same kind. Exits with 1 when one is not caught.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
# The tests that judge the mathematics; the others ask about packaging and tracing.
JUDGES = [
    "test_exact.py",
    "test_sampling.py",
    "test_contrastive_divergence.py",
    "test_annealed_importance_sampling.py",
    "test_monitors.py",
    "test_evaluation.py",
    "test_bad_input.py",
    "test_dbn.py",
    "test_kernels.py",
    "test_relu.py",
    "test_classification.py",
    "test_unit_models.py",
    "test_unit_data.py",
    "test_units.py",
    "test_parallel_tempering.py",
    "test_losses.py",
    "test_trajectory_tempering.py",
    "test_training.py",
    "test_diagnostics.py",
]


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
        f"{REFERENCE}/log_partition.cpp",
        "for (int64_t first = 0; first < total",
        "for (int64_t first = 1; first < total",
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
        "torch_rbm/training/fit.py",
        '        self.random.load_state_dict(state["random"])\n',
        "",
    ),
    Mutation(
        "resume: a batch is done twice",
        "torch_rbm/training/fit.py",
        'self.batches.start_at(state["pass_state"], self.position)',
        'self.batches.start_at(state["pass_state"], max(self.position - 1, 0))',
    ),
    Mutation(
        "resume: the moments of the optimizer are lost",
        "torch_rbm/training/fit.py",
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
        "        self.reservoir_energy[places] = self._frozen_energy[rows]\n",
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
        "drift = values[0] - values[steps // 2 + 1 :].mean(0)",
        "drift = values[steps // 2 + 1 :].mean(0) - values[0]",
    ),
]


class Workshop:
    """A copy of the tree that can be built and tested."""

    def __init__(self, root: Path) -> None:
        self.root = root
        files = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        for name in files:
            if (ROOT / name).exists():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)
        self.cmake = str(Path(sys.executable).with_name("cmake"))
        self._run(
            self.cmake,
            *("-S", ".", "-B", "build", "-G", "Ninja"),
            f"-DCMAKE_MAKE_PROGRAM={Path(sys.executable).with_name('ninja')}",
            f"-DTorch_DIR={torch.utils.cmake_prefix_path}/Torch",
            f"-DTORCH_RBM_INSTALL_RPATH={Path(torch.__file__).parent / 'lib'}",
        )

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed\n{done.stdout[-3000:]}{done.stderr}")

    def build(self) -> None:
        self._run(self.cmake, "--build", "build", "--target", "torch_rbm")
        self._run(self.cmake, "--install", "build", "--prefix", "torch_rbm")

    def first_failure(self, path: str = "") -> str | None:
        """Run the judges and return the test that fails first; ``path`` as in test_kernels.py."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
            + [f"tests/{name}" for name in JUDGES],
            cwd=self.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TORCH_RBM_CPU_PATH": path},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return None
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"the tests did not run\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return found[1].removeprefix("tests/")

    def try_out(self, mutation: Mutation) -> str | None:
        path = self.root / mutation.file
        whole = path.read_text()
        if whole.count(mutation.old) != 1:
            raise RuntimeError(f"{mutation.name}: expected {mutation.old!r} once in {path}")
        path.write_text(whole.replace(mutation.old, mutation.new))
        try:
            self.build()
            formulas = mutation.file.startswith((REFERENCE, "csrc/units"))
            return self.first_failure("reference" if formulas else "")
        finally:
            path.write_text(whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a word of the names of the breaks to try")
    chosen = [m for m in MUTATIONS if parser.parse_args().only in m.name]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        workshop.build()
        for path in ("", "reference"):
            if failure := workshop.first_failure(path):
                raise RuntimeError(f"{failure} fails without any break")
        for mutation in chosen:
            started = time.perf_counter()
            caught = workshop.try_out(mutation)
            missed += [mutation.name] if caught is None else []
            seconds = time.perf_counter() - started
            print(f"{mutation.name}: {caught or 'NOT CAUGHT'} ({seconds:.0f} s)", flush=True)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} breaks caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
