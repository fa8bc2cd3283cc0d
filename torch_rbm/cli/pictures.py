"""Rows of a matrix as a picture."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor


def save_grid(
    rows: Tensor, path: str | Path, shape: str | None = None, columns: int | None = None
) -> None:
    """Write rows [cases, height · width] as a grid of grey pictures, nearly square by default.

    Raises:
        ValueError: the shape does not fit the rows.
        ModuleNotFoundError: matplotlib is not installed.
    """
    height, width = _size(rows.shape[1], shape)
    try:
        from matplotlib import image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("pictures need matplotlib: pip install matplotlib") from error
    columns = columns or math.ceil(math.sqrt(len(rows)))
    lines = math.ceil(len(rows) / columns)
    margin = 2
    canvas = torch.ones(lines * (height + margin) + margin, columns * (width + margin) + margin)
    low, high = rows.min(), rows.max()
    for i, row in enumerate((rows.float() - low) / (high - low).clamp(min=1e-9)):
        top = margin + i // columns * (height + margin)
        left = margin + i % columns * (width + margin)
        canvas[top : top + height, left : left + width] = 1 - row.view(height, width)
    enlarged = canvas.repeat_interleave(3, 0).repeat_interleave(3, 1)
    image.imsave(path, enlarged.numpy(), cmap="gray", vmin=0, vmax=1)


def _size(pixels: int, shape: str | None) -> tuple[int, int]:
    if shape is None:
        side = math.isqrt(pixels)
        height, width = side, side
    else:
        try:
            height, width = (int(word) for word in shape.lower().split("x"))
        except ValueError:
            raise ValueError(f"expected --shape such as 28x28, got {shape!r}") from None
    if height * width != pixels:
        raise ValueError(f"expected a shape of {pixels} pixels, got {height}x{width}: use --shape")
    return height, width
