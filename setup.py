# Builds libtorch_rbm.so with CMake and packs it with the Python package. The library has no Python
# ABI, so one wheel serves every Python 3 on a platform.
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
BUILD = ROOT / "build" / "cmake"
INSTALLED = ("lib", "include", "share")


def torch_requirement() -> str:
    """LibTorch promises no binary compatibility between minor versions."""
    import torch

    major, minor = torch.__version__.split(".")[:2]
    return f"torch=={major}.{minor}.*"


def cmake_program() -> str:
    """The cmake of this Python environment if there is one, else the one on PATH."""
    beside_python = Path(sys.executable).with_name("cmake")
    found = str(beside_python) if beside_python.exists() else shutil.which("cmake")
    if found is None:
        raise RuntimeError("torch_rbm is built with CMake 3.22 or newer: pip install cmake")
    return found


class CMakeBuild(build_ext):
    def run(self) -> None:
        import torch

        destination = ROOT if self.editable_mode or self.inplace else Path(self.build_lib).resolve()
        prefix = destination / "torch_rbm"
        for folder in INSTALLED:
            shutil.rmtree(prefix / folder, ignore_errors=True)
        cmake = cmake_program()
        ninja = Path(sys.executable).with_name("ninja")
        generator = []
        chosen = (BUILD / "CMakeCache.txt").exists() or "CMAKE_GENERATOR" in os.environ
        if not chosen and (ninja.exists() or shutil.which("ninja")):
            generator = ["-G", "Ninja"]
            if ninja.exists():
                generator.append(f"-DCMAKE_MAKE_PROGRAM={ninja}")
        subprocess.run(
            [
                cmake,
                *("-S", str(ROOT), "-B", str(BUILD)),
                *generator,
                f"-DTorch_DIR={torch.utils.cmake_prefix_path}/Torch",
                "-DTORCH_RBM_INSTALL_RPATH=$ORIGIN/../../torch/lib",
                *os.environ.get("CMAKE_ARGS", "").split(),
            ],
            check=True,
        )
        # Of make, a bare --parallel starts every compilation at once.
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count()))
        subprocess.run(
            [cmake, "--build", str(BUILD), "--parallel", jobs, "--target", "torch_rbm"], check=True
        )
        subprocess.run([cmake, "--install", str(BUILD), "--prefix", str(prefix)], check=True)

    def get_outputs(self) -> list[str]:
        return []

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class PlatformWheel(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


setup(
    # The extension has no sources of its own: it makes setuptools call CMakeBuild.
    ext_modules=[Extension("torch_rbm.lib", sources=[])],
    cmdclass={"build_ext": CMakeBuild, "bdist_wheel": PlatformWheel},
    install_requires=[torch_requirement(), "numpy", "tqdm>=4.60"],
)
