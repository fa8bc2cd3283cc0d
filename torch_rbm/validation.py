"""Checks of arguments, made where they enter; the operators check only types and shapes."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn


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


def check_binary_range(where: str, name: str, data: Tensor) -> None:
    """Require values in [0, 1]: binary states or probabilities.

    Raises:
        TypeError: ``data`` is no tensor of a floating-point dtype, bool or uint8.
        ValueError: a value is NaN or outside [0, 1]; the message gives the first position.
    """
    if not isinstance(data, Tensor):
        raise TypeError(f"{where}: expected {name} to be a tensor, got {words(data)}")
    if data.dtype == torch.bool or data.numel() == 0:
        return
    if not data.is_floating_point() and data.dtype != torch.uint8:
        raise TypeError(
            f"{where}: expected {name} of a floating-point dtype, bool or uint8, got {data.dtype}; "
            f"{name}.float() makes one"
        )
    low, high = torch.aminmax(data.detach())
    if bool(low >= 0) and bool(high <= 1):  # both false for NaN
        return
    wrong = ~((data >= 0) & (data <= 1))
    position = [int(i) for i in wrong.nonzero()[0]]
    value = data[tuple(position)].item()
    raise ValueError(
        f"{where}: expected {name} in [0, 1], binary states or probabilities, "
        f"got {value} at position {position}"
    )


def check_binary_states(where: str, name: str, data: Tensor, units: int) -> Tensor:
    """Require states 0 and 1 of this many units and return them as rows, [cases, units].

    Raises:
        TypeError: ``data`` is no tensor of a floating-point dtype, bool or uint8.
        ValueError: a value is neither 0 nor 1, or the last dimension is not ``units``.
    """
    check_binary_range(where, name, data)
    if data.dim() < 1 or data.shape[-1] != units:
        raise ValueError(
            f"{where}: expected {name} of shape [..., {units}], got {list(data.shape)}"
        )
    wrong = (data != 0) & (data != 1)
    if wrong.any():
        raise ValueError(
            f"{where}: expected {name} to be 0 or 1, got {data[wrong][0].item()}; "
            "torch.bernoulli makes states of probabilities"
        )
    return as_rows(data)


def as_rows(states: Tensor) -> Tensor:
    """Return states [..., units] as [cases, units]."""
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
