"""The package as it is installed: import errors, the C++ project of a stranger, the examples."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import torch_rbm
from torch_rbm import _library
from torch_rbm.deployment import to_package

TESTS = Path(__file__).parent
CMAKE = Path(sys.executable).with_name("cmake")


def test_the_version_has_one_source():
    version = (TESTS.parent / "VERSION").read_text().strip()
    assert torch_rbm.__version__ == version
    header = Path(torch_rbm.__file__).parent / "include" / "torch_rbm" / "version.h"
    assert f'"{version}"' in header.read_text()
    assert f"## {version}" in (TESTS.parent / "CHANGELOG.md").read_text()


class TestImportErrors:
    """Each is one readable ImportError that says what to do."""

    def test_missing_library(self, monkeypatch, tmp_path):
        monkeypatch.setattr(_library, "_PACKAGE", tmp_path)
        with pytest.raises(ImportError, match=r"not installed at .*pip install"):
            _library.load()

    def test_the_source_code_found_before_the_package(self, monkeypatch, tmp_path):
        (tmp_path / "csrc").mkdir()
        monkeypatch.setattr(_library, "_PACKAGE", tmp_path / "torch_rbm")
        with pytest.raises(ImportError, match=r"start Python in another folder"):
            _library.load()

    def test_another_torch(self, monkeypatch):
        monkeypatch.setattr(torch, "__version__", "2.9.1")
        with pytest.raises(
            ImportError,
            match=r"built with PyTorch 2\.\d+.* cannot run with PyTorch 2\.9\.1: "
            r"install torch==2\.\d+\.\*, or build it again",
        ):
            _library.load()

    def test_a_library_that_does_not_load(self, monkeypatch, tmp_path):
        (tmp_path / "lib").mkdir()
        (tmp_path / "lib" / "libtorch_rbm.so").write_bytes(b"no library")
        info = tmp_path / "share" / "cmake" / "torch_rbm"
        info.mkdir(parents=True)
        (info / "build_info.json").write_text(json.dumps({"torch": torch.__version__}))
        monkeypatch.setattr(_library, "_PACKAGE", tmp_path)
        monkeypatch.setattr(_library, "cmake_prefix_path", str(tmp_path / "share" / "cmake"))
        with pytest.raises(ImportError, match=r"does not fit PyTorch .*pip install"):
            _library.load()


def test_the_library_needs_no_python():
    """The same file serves every Python and programs without one."""
    needed = subprocess.run(
        ["readelf", "-d", str(_library._library_path())], capture_output=True, text=True, check=True
    ).stdout
    libraries = re.findall(r"NEEDED.*\[(.*)\]", needed)
    assert any("torch_cpu" in name for name in libraries)
    assert not any("python" in name for name in libraries)


def cmake(*arguments: str | Path) -> None:
    # Warnings of CMake files about RPATHs are no concern of these tests.
    result = subprocess.run(
        [str(CMAKE), *map(str, arguments)], capture_output=True, text=True, env=os.environ
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Path:
    """A C++ program built by a project that only says find_package(torch_rbm)."""
    build = tmp_path_factory.mktemp("stranger")
    prefixes = f"{torch_rbm.cmake_prefix_path};{torch.utils.cmake_prefix_path}"
    cmake("-S", TESTS / "cmake_project", "-B", build, f"-DCMAKE_PREFIX_PATH={prefixes}")
    cmake("--build", build, "--parallel")
    return build


@pytest.mark.skipif(not CMAKE.exists(), reason="cmake is not installed in this environment")
class TestStrangersProject:
    def test_operators(self, stranger):
        output = subprocess.run([stranger / "use"], capture_output=True, text=True, check=True)
        assert output.stdout.startswith("log Z ")

    def test_readme(self, stranger):
        run = subprocess.run([stranger / "readme"], check=True, capture_output=True, text=True)
        assert -544 < float(run.stdout) < -400  # untrained: -784 log 2 = -543.4

    @pytest.mark.parametrize("kind", ["rbm", "dbn"])
    def test_models_go_from_python_to_cpp_and_back(self, stranger, tmp_path, kind):
        """Trained in Python, used and trained further in C++, and used in Python again."""
        torch.manual_seed(1)
        v = torch.ones(3, 6)
        if kind == "rbm":
            model = torch_rbm.RBM(6, 4, visible_units=[("a", "gaussian", 4), ("b", "spin", 2)])
        else:
            model = torch_rbm.DBN([6, 5, 4], units=["bernoulli", "spin", "bernoulli"])
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        torch_rbm.save(model, tmp_path / "python.pt")
        run = subprocess.run(
            [stranger / "exchange", kind, tmp_path / "python.pt", tmp_path / "cpp.pt"],
            capture_output=True,
            text=True,
            check=True,
        )
        back = torch_rbm.load(tmp_path / "cpp.pt")
        assert type(back) is type(model)

        def value(of):
            return (of.free_energy(v) if kind == "rbm" else of(v)).sum().item()

        before, after = map(float, run.stdout.split())
        assert before == pytest.approx(value(model), rel=1e-6)
        assert after == pytest.approx(value(back), rel=1e-6)
        assert abs(after - before) > 1e-3  # it was trained

    def test_a_scripted_model(self, stranger, tmp_path):
        """A program that names no symbol of ours loads a model that calls our operators."""
        rbm = torch_rbm.RBM(6, 4)
        path = tmp_path / "rbm.pt"
        torch.jit.script(rbm).save(str(path))
        output = subprocess.run(
            [stranger / "load", path], capture_output=True, text=True, check=True
        )
        expected = rbm(torch.ones(1, 6)).sum().item()
        assert float(output.stdout) == pytest.approx(expected, rel=1e-5)

    def test_a_compiled_package(self, stranger, tmp_path):
        """Likewise, for any number of rows."""
        rbm = torch_rbm.RBM(6, 4)
        path = tmp_path / "rbm.pt2"
        to_package(rbm, torch.zeros(3, 6), path, method="free_energy")
        output = subprocess.run(
            [stranger / "package", path], capture_output=True, text=True, check=True
        )
        expected = [rbm.free_energy(torch.ones(rows, 6)).sum().item() for rows in (1, 2, 9)]
        assert [float(line) for line in output.stdout.split()] == pytest.approx(expected, rel=1e-5)
