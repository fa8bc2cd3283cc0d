"""Packs torch_rbm as users get it, and tests it elsewhere: `make package`.

The sdist is made and unpacked. Another project has it as a subdirectory, builds it without
optimisation by make in the place of Ninja, and installs it; a third finds what was installed. A
wheel of what is built here is installed in a new environment and tested there, far from the
repository; the sdist has all of its Python files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
TESTS = ["test_exact.py", "test_sampling.py", "test_pytorch.py", "test_modules.py"]
CMAKE = Path(sys.executable).with_name("cmake")
PLAIN = ("-G", "Unix Makefiles", "-DCMAKE_BUILD_TYPE=None")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    print("$", *command, flush=True)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout[-5000:]}\nfailed with {done.returncode}")
    return done.stdout


def sdist(folder: Path) -> Path:
    """The unpacked sdist."""
    code = f"from setuptools import build_meta; print(build_meta.build_sdist({str(folder)!r}))"
    name = run(sys.executable, "-c", code, cwd=ROOT).split()[-1]
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder, filter="data")
    return folder / name.removesuffix(".tar.gz")


def wheel(folder: Path) -> Path:
    run(
        *(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"),
        *("--wheel-dir", folder, ROOT),
        cwd=folder,
    )
    (made,) = folder.glob("*.whl")
    return made


def complete(source: Path, made: Path) -> None:
    """Require that a wheel of the sdist would have the Python files of this one."""
    with zipfile.ZipFile(made) as archive:
        python = [name for name in archive.namelist() if name.endswith((".py", "py.typed"))]
    missing = [name for name in python if not (source / name).is_file()]
    assert python, made
    assert not missing, missing
    for name in ("setup.py", "pyproject.toml", "VERSION", "README.md", "LICENSE"):
        assert (source / name).is_file(), name


def tested(made: Path, folder: Path) -> str:
    """The last line of the tests in a new environment."""
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    version = torch.__version__.partition("+")[0]
    packages = (f"torch=={version}", str(made), "pytest", "hypothesis", "scipy")
    run(python, "-m", "pip", "install", "--quiet", *packages, cwd=folder)
    shutil.copytree(ROOT / "tests", folder / "elsewhere" / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder / "elsewhere")
    where = run(python, "-c", "import torch_rbm; print(torch_rbm.__file__)", cwd=folder)
    assert str(folder / "env") in where, where
    paths = [f"tests/{name}" for name in TESTS]
    output = run(
        *(python, "-m", "pytest", "-q", *paths), cwd=folder / "elsewhere", OMP_NUM_THREADS="1"
    )
    return output.splitlines()[-1]


def used(source: Path, folder: Path) -> str:
    """What two projects print: one with torch_rbm as a subdirectory, one that finds that."""
    prefix = torch.utils.cmake_prefix_path
    build, installed = folder / "subproject", folder / "installed"
    run(
        *(CMAKE, "-S", ROOT / "tests" / "cmake_subproject", "-B", build, *PLAIN),
        *(f"-DTORCH_RBM_SOURCE={source}", f"-DCMAKE_PREFIX_PATH={prefix}"),
        cwd=folder,
    )
    run(CMAKE, "--build", build, "--parallel", str(os.cpu_count()), cwd=folder)
    within = run(build / "use", cwd=folder)
    run(CMAKE, "--install", build, "--prefix", installed, cwd=folder)
    other = folder / "project"
    run(
        *(CMAKE, "-S", ROOT / "tests" / "cmake_project", "-B", other, *PLAIN),
        f"-DCMAKE_PREFIX_PATH={installed};{prefix}",
        cwd=folder,
    )
    run(CMAKE, "--build", other, "--target", "use", cwd=folder)
    return within + run(other / "use", cwd=folder).rstrip()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = sdist(folder)
        made = wheel(folder)
        complete(source, made)
        # One waits for the network, the other for the compiler.
        with ThreadPoolExecutor() as pool:
            steps = [pool.submit(tested, made, folder), pool.submit(used, source, folder)]
            for step in steps:
                print(step.result())
    print("packaging: passed")


if __name__ == "__main__":
    main()
