"""Ratings as levels of a scale."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Decimal fractions that went through float32 are still the same.
_TOLERANCE = 1e-6


def nearest_levels(scale: Tensor, values: Tensor) -> Tensor:
    """The nearest level of each rating, int64 [ratings]; TorchScript can have it.

    Args:
        scale: the rating of each level, float64 [levels].
        values: ratings, [ratings].
    """
    return (values.double().unsqueeze(1) - scale).abs().argmin(1)


def levels_on(where: str, scale: Tensor, values: Tensor, place: Callable[[int], str]) -> Tensor:
    """The level of each rating, int64 [ratings].

    Args:
        where: the caller's name, for the message.
        scale: the rating of each level, float64 [levels].
        values: ratings, float64 [ratings].
        place: says where the rating of a number is, for the message.

    Raises:
        ValueError: a rating is none of the scale.
    """
    levels = nearest_levels(scale, values)
    distance = (scale[levels] - values).abs()
    wrong = torch.nonzero(~(distance <= _TOLERANCE)).flatten()
    if len(wrong) > 0:
        row = int(wrong[0])
        known = ", ".join(f"{rating:g}" for rating in scale.tolist())
        raise ValueError(
            f"{where}: expected ratings of the scale {known} {place(row)}, got {values[row]:g}"
        )
    return levels
