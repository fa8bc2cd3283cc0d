"""Models in files."""

from __future__ import annotations

import os
from typing import Any

import torch

from torch_rbm.classification import ClassificationRBM
from torch_rbm.files import load as load_file
from torch_rbm.files import save_atomically
from torch_rbm.rbm import RBM
from torch_rbm.training.checkpoint import KIND as CHECKPOINT
from torch_rbm.validation import words

_KIND = "model"
_CLASSES: dict[str, type[RBM]] = {"RBM": RBM, "ClassificationRBM": ClassificationRBM}


def save(rbm: RBM, path: str | os.PathLike[str]) -> None:
    """Write an RBM to a file, whole or not at all, for :func:`load`.

    Args:
        rbm: an RBM or a classifier.
        path: the file, which is replaced if there is one.

    Raises:
        TypeError: ``rbm`` is neither.
    """
    if _CLASSES.get(type(rbm).__name__) is not type(rbm):
        raise TypeError(f"save: expected a torch_rbm.RBM, got {words(rbm)}")
    content = {"kind": _KIND, "model": rbm.description(), "parameters": rbm.state_dict()}
    save_atomically(content, path)


def load(path: str | os.PathLike[str]) -> RBM:
    """Read an RBM from what :func:`save` or a training's checkpoint has written.

    Nothing in the file is run as code. The RBM is on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no RBM.
    """
    content = load_file("load", path, _KIND, CHECKPOINT)
    rbm = made(content["model"])
    rbm.load_state_dict(content["parameters"])
    return rbm


def made(description: dict[str, Any]) -> RBM:
    """Make an RBM with new parameters from what ``description()`` returned."""
    arguments = dict(description)
    kind = _CLASSES[arguments.pop("class")]
    dtype = getattr(torch, arguments.pop("dtype"))
    return kind(**arguments, dtype=dtype)
