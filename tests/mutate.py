"""Shows that the tests bite: breaks the code on purpose and reports which test catches each break.

    python tests/mutate.py              # all of them, some hour on two cores
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
from pathlib import Path

import torch
from mutations import MUTATIONS, REFERENCE, Mutation

ROOT = Path(__file__).resolve().parents[1]
# The tests that judge the mathematics; the others ask about packaging and tracing.
JUDGES = [
    "test_exact.py",
    "test_sampling.py",
    "test_contrastive_divergence.py",
    "test_annealed_importance_sampling.py",
    "test_monitors.py",
    "test_evaluation.py",
    "test_filling_in.py",
    "test_standardization.py",
    "test_bad_input.py",
    "test_dbn.py",
    "test_pretraining.py",
    "test_networks.py",
    "test_up_down.py",
    "test_fine_tuning.py",
    "test_kernels.py",
    "test_kernel_states.py",
    "test_relu.py",
    "test_classification.py",
    "test_unit_models.py",
    "test_unit_data.py",
    "test_units.py",
    "test_parallel_tempering.py",
    "test_losses.py",
    "test_centering.py",
    "test_trajectory_tempering.py",
    "test_resuming.py",
    "test_training.py",
    "test_diagnostics.py",
    "test_ratings_operators.py",
    "test_vmap.py",
    "test_modules.py",
]

# Of folders whose tests take long, or are about nothing else.
JUDGES_OF = {
    "torch_rbm/ratings": [
        "test_rating_measures.py",
        "test_rating_tables.py",
        "test_readout.py",
        "test_recommender.py",
        "test_implicit.py",
        "test_fit_ratings.py",
    ],
    "torch_rbm/sklearn": ["test_sklearn.py"],
    "torch_rbm/plotting": ["test_plotting.py"],
    "torch_rbm/cli": [
        "test_cli.py",
        "test_cli_tables.py",
        "test_cli_cases.py",
        "test_cli_likelihoods.py",
        "test_cli_recommend.py",
    ],
    "torch_rbm/files.py": ["test_fuzz_files.py"],
    "torch_rbm/persistence": ["test_fuzz_files.py"],
}


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

    def first_failure(self, judges: list[str], path: str = "") -> str | None:
        """Run judges and return the test that fails first; ``path`` as in test_kernels.py."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
            + [f"tests/{name}" for name in judges],
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
            judges = next(
                (of for folder, of in JUDGES_OF.items() if mutation.file.startswith(folder)), JUDGES
            )
            return self.first_failure(judges, "reference" if formulas else "")
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
        apart = [(judges, "") for judges in JUDGES_OF.values()]
        for judges, path in [(JUDGES, ""), (JUDGES, "reference"), *apart]:
            if failure := workshop.first_failure(judges, path):
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
