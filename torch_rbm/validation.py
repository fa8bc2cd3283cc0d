"""Checks of values, made where data enter; the operators themselves check only types and shapes."""

from __future__ import annotations

import torch
from torch import Tensor


def check_binary_range(where: str, name: str, data: Tensor) -> None:
    """Require values in [0, 1]: binary states or probabilities.

    Raises:
        TypeError: ``data`` is no tensor of a floating-point dtype, bool or uint8.
        ValueError: a value is NaN or outside [0, 1]; the message gives the first position.
    """
    if not isinstance(data, Tensor):
        raise TypeError(f"{where}: expected {name} to be a tensor, got {type(data).__name__}")
    if data.dtype == torch.bool or data.numel() == 0:
        return
    if not data.is_floating_point() and data.dtype != torch.uint8:
        raise TypeError(
            f"{where}: expected {name} of a floating-point dtype, bool or uint8, got {data.dtype}"
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
