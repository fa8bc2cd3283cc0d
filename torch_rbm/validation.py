"""Checks of arguments, made where they enter; the operators check only types and shapes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn


def check_tensor(where: str, name: str, states: Tensor) -> None:
    """Require a tensor, which a scripted module cannot but get.

    Raises:
        TypeError: ``states`` is something else, such as a NumPy array or a data frame.
    """
    if not isinstance(states, Tensor):
        raise TypeError(
            f"{where}: expected {name} to be a tensor, got {type(states).__name__}; torch.tensor "
            "makes one of an array or of to_numpy() of a data frame, in the dtype of the weights"
        )


def check_count(where: str, name: str, value: object, minimum: int) -> int:
    """Return ``value`` as an int.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is below ``minimum``.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{where}: expected {name} to be an int, got {words(value)}")
    if value < minimum:
        raise ValueError(f"{where}: expected {name} >= {minimum}, got {value}")
    return int(value)


def check_rbm(where: str, rbm: object) -> None:
    """Require a module with the parameters of an RBM.

    Raises:
        TypeError: ``rbm`` is none.
    """
    names = ("weight", "visible_bias", "hidden_bias")
    if not isinstance(rbm, nn.Module) or not all(hasattr(rbm, name) for name in names):
        raise TypeError(f"{where}: expected an RBM, got {words(rbm)}")


def check_factory(where: str, name: str, value: object, example: str) -> None:
    """Require something that makes a ``name`` when called, rather than one that was made.

    Raises:
        TypeError: ``value`` is not of that kind.
    """
    if isinstance(value, (nn.Module, torch.optim.Optimizer)) or not callable(value):
        raise TypeError(
            f"{where}: expected {name} to be a class or function that makes one, such as "
            f"{example}, got {words(value)}"
        )


def check_dropout(where: str, dropout: float) -> float:
    """Return ``dropout`` as a float.

    Raises:
        TypeError, ValueError: it is no share of units that may be left out.
    """
    if isinstance(dropout, bool) or not isinstance(dropout, Real):
        raise TypeError(f"{where}: expected dropout to be a number, got {words(dropout)}")
    if not 0 <= dropout < 1:
        raise ValueError(f"{where}: expected dropout in [0, 1), got {dropout}")
    return float(dropout)


def check_mask(where: str, name: str, mask: object, like_name: str, like: Tensor) -> None:
    """Require a bool tensor that broadcasts to the shape of ``like``.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"{where}: expected {name} to be a tensor of dtype torch.bool, got {kind}")
    try:
        fits = mask.expand(like.shape).shape == like.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{where}: expected {name} broadcastable to {like_name} {list(like.shape)}, "
            f"got {list(mask.shape)}"
        )


def check_dense(where: str, name: str, data: Tensor) -> None:
    """Require a strided tensor.

    Raises:
        TypeError: it is sparse.
    """
    if data.layout != torch.strided:
        raise TypeError(
            f"{where}: expected a dense {name}, got {data.layout}; {name}.to_dense() makes one"
        )


def as_rows(states: Tensor) -> Tensor:
    """Return states [..., units] as [cases, units]."""
    if states.dim() == 2:
        return states
    return states.unsqueeze(0) if states.dim() == 1 else states.flatten(0, -2)


def check_finite(where: str, name: str, parameter: Tensor) -> None:
    """Require finite values.

    Raises:
        ValueError: a value is infinite or NaN.
    """
    if not parameter.isfinite().all():
        value = parameter[~parameter.isfinite()][0].item()
        raise ValueError(f"{where}: expected {name} to be finite, got {value}")


def words(value: Any) -> str:
    """Return what ``value`` is, short enough for a message."""
    text = repr(value)
    is_short = len(text) <= 40 and "\n" not in text
    return (
        f"{type(value).__name__} {text}"
        if is_short
        else f"an object of type {type(value).__name__}"
    )
