"""Models in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch

from torch_rbm.classification import ClassificationRBM
from torch_rbm.dbn import DBN
from torch_rbm.files import content_of, save_atomically
from torch_rbm.rbm import RBM
from torch_rbm.training.checkpoint import KIND as CHECKPOINT
from torch_rbm.validation import words

_KIND = "model"
_CLASSES: dict[str, type[RBM] | type[DBN]] = {
    "RBM": RBM,
    "ClassificationRBM": ClassificationRBM,
    "DBN": DBN,
}


def save(
    model: RBM | DBN, path: str | os.PathLike[str], *, columns: Sequence[str] | None = None
) -> None:
    """Write a model to a file, whole or not at all, for :func:`load`.

    Args:
        model: an RBM, a classifier or a deep belief net.
        path: the file, which is replaced if there is one.
        columns: names of the visible units, by which ``torch-rbm`` compares tables with the model,
            and with which it writes them.

    Raises:
        TypeError: ``model`` is none of these.
    """
    if _CLASSES.get(type(model).__name__) is not type(model):
        raise TypeError(f"save: expected a torch_rbm.RBM or torch_rbm.DBN, got {words(model)}")
    # A plain dict, as C++ programs read it; a state_dict has attributes besides.
    parameters = dict(model.state_dict())
    content = {"kind": _KIND, "model": model.description(), "parameters": parameters}
    if columns is not None:
        content["columns"] = [str(name) for name in columns]
    save_atomically(content, path)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model from what :func:`save` or a training's checkpoint has written.

    Nothing in the file is run as code. The model is on the CPU.

    Returns:
        A :class:`torch_rbm.RBM`, :class:`torch_rbm.ClassificationRBM` or :class:`torch_rbm.DBN`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no such model.
    """
    return load_with_columns(path)[0]


def load_with_columns(path: str | os.PathLike[str]) -> tuple[Any, list[str] | None]:
    """Like :func:`load`; return the names of the visible units as well, where the file has them."""
    with content_of("load", path, _KIND, CHECKPOINT) as content:
        description = content["model"]
        if description.get("class") not in _CLASSES:
            raise ValueError(
                f"load: expected {os.fspath(path)} to hold an RBM or a deep belief net, got the "
                f"checkpoint of a {description.get('class')}"
            )
        model = made(description)
        model.load_state_dict(content["parameters"])
        columns = content.get("columns")
        return model, None if columns is None else [str(name) for name in columns]


def made(description: dict[str, Any]) -> RBM | DBN:
    """Make a model with new parameters from what ``description()`` returned."""
    arguments = dict(description)
    kind = _CLASSES[arguments.pop("class")]
    dtype = getattr(torch, arguments.pop("dtype"))
    return kind(**arguments, dtype=dtype)
