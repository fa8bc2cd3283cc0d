"""More pictures for a training: small turns, scalings and shears of those that there are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_LEVELS = 1024


def deformed(pictures: Tensor, amount: float, copies: int, generator: torch.Generator) -> Tensor:
    """Copies of square pictures, each deformed by its own random linear map.

    Resampling blurs: the grey values of every copy are mapped back, by their ranks, to those that
    the pictures have, so that pixels drawn from them are as noisy as before.

    Args:
        pictures: grey values in [0, 1], [cases, side · side].
        amount: largest change of an element of the map's 2 x 2 matrix.
        copies: of each picture.
        generator: draws the maps.

    Returns:
        Grey values from 0 to 255, uint8 [copies · cases, side · side].
    """
    side = round(pictures.shape[1] ** 0.5)
    result = torch.empty(copies, *pictures.shape, dtype=torch.uint8)
    for copy in result:
        for rows, part in zip(copy.split(10_000), pictures.split(10_000), strict=True):
            changes = torch.rand(len(part), 2, 2, generator=generator).mul_(2).sub_(1).mul_(amount)
            maps = torch.eye(2, 3).repeat(len(part), 1, 1)
            maps[:, :, :2] += changes
            grid = functional.affine_grid(maps, [len(part), 1, side, side], align_corners=False)
            moved = functional.grid_sample(
                part.view(-1, 1, side, side), grid, mode="bicubic", align_corners=False
            )
            rows.copy_(_with_values_of(part, moved.clamp_(0, 1).view_as(part)).mul_(255).round_())
    return result.view(-1, pictures.shape[1])


def _with_values_of(pictures: Tensor, moved: Tensor) -> Tensor:
    """Grey values mapped monotonically so that as many are as bright as in ``pictures``."""
    ranked = moved.flatten().sort().values
    wanted = pictures.flatten().sort().values
    levels = torch.linspace(0, 1, _LEVELS + 1)
    # A level takes the mean of the values of its ranks; what was empty stays empty.
    first, last = (
        torch.searchsorted(ranked, levels, right=right).clamp_(max=len(wanted) - 1)
        for right in (False, True)
    )
    table = (wanted[first] + wanted[torch.maximum(last - 1, first)]) / 2
    table[0] = 0
    return table[moved.mul(_LEVELS).round_().long()]
