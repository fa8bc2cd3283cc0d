"""Shows that the tests bite: breaks the code on purpose and reports which test catches each break.

    python tests/mutate.py              # all of them, some fifteen minutes on two cores
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
        "return at::softplus(field, /*beta=*/1, kThreshold);",
        "return (1 + field.exp()).log() + 0 * kThreshold;",
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
        "(u < probability)",
        "(u <= probability)",
    ),
    Mutation(
        "random numbers shared by all rows",
        "csrc/cpu/uniform_kernel.cpp",
        "random::philox_counter(number, row, step, layer)",
        "random::philox_counter(number, row * 0, step, layer)",
    ),
    Mutation(
        "random numbers shared by both layers",
        "csrc/cpu/uniform_kernel.cpp",
        "random::philox_counter(number, row, step, layer)",
        "random::philox_counter(number, row, step, layer * 0)",
    ),
    Mutation(
        "random numbers shared by all steps",
        "csrc/cpu/uniform_kernel.cpp",
        "random::philox_counter(number, row, step, layer)",
        "random::philox_counter(number, row, step * 0, layer)",
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
        "gibbs(chain_rows, model, steps, std::nullopt",
        "gibbs(chain_rows, model, 1, std::nullopt",
    ),
    Mutation(
        "the persistent chain does not persist",
        "torch_rbm/losses.py",
        "self.chain.copy_(moved)",
        "moved.clone()",
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
        "(1 - scale) * base_bias + scale",
        "scale",
    ),
    Mutation(
        "reverse AIS with the forward sign",
        "torch_rbm/evaluation.py",
        "high = base_log_z - _log_mean(reverse)",
        "high = base_log_z + _log_mean(reverse)",
    ),
    Mutation(
        "the standard deviation given as the standard error",
        "torch_rbm/evaluation.py",
        "- 1) / len(term)).item()",
        "- 1)).item()",
    ),
    Mutation(
        "pseudo-likelihood of the flipped state",
        "torch_rbm/monitors.py",
        "rbm.free_energy(flipped) - rbm.free_energy(part).unsqueeze(1)",
        "rbm.free_energy(part).unsqueeze(1) - rbm.free_energy(flipped)",
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

    def first_failure(self) -> str | None:
        """Run the judges and return the test that fails first."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
            + [f"tests/{name}" for name in JUDGES],
            cwd=self.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
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
            return self.first_failure()
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
        if failure := workshop.first_failure():
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
