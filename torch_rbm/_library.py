"""Loads the operator library, and says in one line what is wrong when it cannot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

_PACKAGE = Path(__file__).parent
_NAMES = {"darwin": "libtorch_rbm.dylib", "win32": "torch_rbm.dll"}

#: For C++ projects: add it to CMAKE_PREFIX_PATH, beside ``torch.utils.cmake_prefix_path``.
cmake_prefix_path: str = str(_PACKAGE / "share" / "cmake")

_REBUILD = "build it again with: pip install --no-build-isolation --force-reinstall --no-deps ."


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _library_path() -> Path:
    folder = "bin" if sys.platform == "win32" else "lib"
    return _PACKAGE / folder / _NAMES.get(sys.platform, "libtorch_rbm.so")


def load() -> str:
    """Load the library and return the version of torch_rbm that it was built from.

    Raises:
        ImportError: the library is missing, was built with another minor version of PyTorch, or
            cannot be loaded.
    """
    path = _library_path()
    info_path = Path(cmake_prefix_path) / "torch_rbm" / "build_info.json"
    if not path.exists() and (_PACKAGE.parent / "csrc").exists():
        raise ImportError(
            f"torch_rbm: Python found the source code in {_PACKAGE.parent} before the installed "
            "package: start Python in another folder, or install with: "
            "pip install --no-build-isolation --editable ."
        )
    if not path.exists() or not info_path.exists():
        raise ImportError(f"torch_rbm: the operator library is not installed at {path}; {_REBUILD}")
    built_with = json.loads(info_path.read_text())["torch"]
    if _minor(built_with) != _minor(torch.__version__):
        raise ImportError(
            f"torch_rbm was built with PyTorch {built_with} and cannot run with PyTorch "
            f"{torch.__version__}: install torch=={_minor(built_with)}.*, or {_REBUILD}"
        )
    try:
        torch.ops.load_library(str(path))  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ImportError(
            f"torch_rbm: the operator library does not fit PyTorch {torch.__version__} "
            f"({error}); {_REBUILD}"
        ) from error
    return str(torch.ops.torch_rbm.version())
