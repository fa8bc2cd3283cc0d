"""More pictures of digits for a training: those that there are, sheared, turned and bent."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_LEVELS = 1024
# Displacements are drawn at the crossings of so many lines a side, and are smooth between them.
_LINES = 4
# How often scale and place are corrected: each time by what the last correction left.
_CORRECTIONS = 2
_AT_A_TIME = 5000


def deformed(
    pictures: Tensor, linear: float, bend: float, copies: int, generator: torch.Generator
) -> Tensor:
    """Copies of square pictures, each deformed by its own random map.

    The pictures of MNIST are scaled to a box of 20 pixels, and moved until their centre of mass is
    in the middle (LeCun et al. 1998): each copy is scaled and moved back to the box and the centre
    that its picture has. Resampling blurs: grey values are mapped back, by their ranks, to those
    that the pictures have, so that pixels drawn from them are as noisy as before.

    Args:
        pictures: grey values in [0, 1], [cases, side · side].
        linear: largest change of an element of the linear map's 2 x 2 matrix.
        bend: standard deviation of the displacements, in pixels.
        copies: of each picture.
        generator: draws the maps.

    Returns:
        Grey values from 0 to 255, uint8 [copies · cases, side · side].
    """
    side = round(pictures.shape[1] ** 0.5)
    parts = [(part, part.flatten().sort().values) for part in pictures.split(_AT_A_TIME)]
    result = torch.empty(copies, *pictures.shape, dtype=torch.uint8)
    for copy in result:
        for rows, (part, values) in zip(copy.split(_AT_A_TIME), parts, strict=True):
            moved = _moved(part.view(-1, 1, side, side), linear, bend, generator).view_as(part)
            rows.copy_(_with_values(values, moved).mul_(255).round_())
    return result.view(-1, pictures.shape[1])


def _moved(pictures: Tensor, linear: float, bend: float, generator: torch.Generator) -> Tensor:
    """Pictures [cases, 1, side, side] deformed, in the boxes and at the places that they have."""
    cases, _, _, side = pictures.shape
    line = _from_the_middle(side)
    points = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    changes = torch.rand(cases, 2, 2, generator=generator).mul_(2).sub_(1).mul_(linear)
    maps = torch.eye(2) + changes
    bends = torch.randn(cases, 2, _LINES, _LINES, generator=generator).mul_(bend)
    bends = functional.interpolate(bends, (side, side), mode="bicubic", align_corners=True)
    bends = bends.flatten(2).mT

    def sampled(scale: Tensor, shift: Tensor) -> Tensor:
        where = (points * scale[:, None] + shift[:, None]) @ maps.mT + bends
        grid = where.mul_(2 / side).view(cases, side, side, 2)
        return functional.grid_sample(pictures, grid, mode="bicubic", align_corners=False)

    size, centre = _size(pictures), _centre(pictures)
    scale, shift = torch.ones(cases, 1), torch.zeros(cases, 2)
    for _ in range(_CORRECTIONS):
        moved = sampled(scale, shift)
        corrected = scale * (_size(moved) / size)
        shift = shift + scale * _centre(moved) - corrected * centre
        scale = corrected
    return sampled(scale, shift).clamp_(0, 1)


def _from_the_middle(side: int) -> Tensor:
    return torch.arange(side) - (side - 1) / 2


def _size(pictures: Tensor) -> Tensor:
    """The larger side, in pixels, of the box around what is brighter than half, [cases, 1]."""
    return torch.maximum(*(_extent(pictures.amax(dim).squeeze(1)) for dim in (2, 3))).unsqueeze(1)


def _extent(brightness: Tensor) -> Tensor:
    """From the first to the last crossing of one half along each row, between pixels."""
    ends = []
    for row in (brightness, brightness.flip(1)):
        first = (row > 0.5).float().argmax(1, keepdim=True)
        bright = row.gather(1, first)
        before = row.gather(1, (first - 1).clamp_(min=0))
        part = (bright - 0.5) / (bright - before).clamp_(min=1e-3)
        ends.append((first - part.clamp_(0, 1)).squeeze(1))
    return brightness.shape[1] - 1 - ends[0] - ends[1]


def _centre(pictures: Tensor) -> Tensor:
    """The centre of mass, (x, y) in pixels from the middle, [cases, 2]."""
    mass = pictures.squeeze(1).clamp(min=0)
    line = _from_the_middle(mass.shape[1])
    moments = torch.stack([mass.sum(dim) @ line for dim in (1, 2)], 1)
    return moments / mass.sum((1, 2)).unsqueeze(1)


def _with_values(wanted: Tensor, moved: Tensor) -> Tensor:
    """Grey values mapped monotonically to those that are wanted, which are sorted."""
    levels = moved.mul(_LEVELS).round_().int()
    counts = torch.bincount(levels.flatten(), minlength=_LEVELS + 1)
    last = counts.cumsum(0)
    first = (last - counts).clamp_(max=len(wanted) - 1)
    # A level takes the middle of the values of its ranks; what was empty stays empty.
    table = (wanted[first] + wanted[torch.maximum(last - 1, first)]) / 2
    table[0] = 0
    return table[levels]
