"""Rows of a matrix as pictures: samples, weights, and chains over time."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torch_rbm.plotting.axes import given_or_new
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image

Shape = tuple[int, int]

_MARGIN = 2
_MARGIN_INK = 0.15
_ENLARGED = 3


def tiled(rows: Tensor, shape: Shape | None = None, columns: int | None = None) -> Tensor:
    """Pictures side by side, NaN between them, [height, width].

    Args:
        rows: [pictures, height · width].
        shape: height and width; a square when None.
        columns: how many go side by side; as many as make it nearly square when None.

    Raises:
        ValueError: the shape does not fit.
    """
    height, width = picture_shape(rows.shape[1], shape)
    columns = columns or math.ceil(math.sqrt(len(rows)))
    lines = math.ceil(len(rows) / columns)
    canvas = torch.full(
        (lines * (height + _MARGIN) + _MARGIN, columns * (width + _MARGIN) + _MARGIN), torch.nan
    )
    for i, row in enumerate(rows.detach().float().cpu()):
        top = _MARGIN + i // columns * (height + _MARGIN)
        left = _MARGIN + i % columns * (width + _MARGIN)
        canvas[top : top + height, left : left + width] = row.view(height, width)
    return canvas


def picture_shape(pixels: int, shape: Shape | None) -> Shape:
    """Height and width of pictures with so many pixels.

    Raises:
        ValueError: they are not those of ``shape``, or, when None, of no square.
    """
    height, width = shape or (math.isqrt(pixels), math.isqrt(pixels))
    if height * width != pixels:
        got = f"{height}x{width}" if shape else "none; they make no square"
        raise ValueError(f"expected a shape of pictures with {pixels} pixels, got {got}")
    return height, width


def samples(
    states: Tensor,
    *,
    shape: Shape | None = None,
    columns: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw states or means of the visible units as grey pictures, black for the largest value.

    Args:
        states: [pictures, height · width].
        shape: see :func:`tiled`.
        columns: likewise.
        ax: where to draw; a new figure when None.
    """
    ax = given_or_new(ax)
    from matplotlib import colormaps

    # Grey between pictures: an empty one is not a gap.
    colours = colormaps["gray_r"].with_extremes(bad=str(1 - _MARGIN_INK))
    ax.imshow(tiled(states, shape, columns).numpy(), cmap=colours, interpolation="nearest")
    ax.set_axis_off()
    return ax


def filters(
    rbm: RBM,
    *,
    count: int = 100,
    shape: Shape | None = None,
    columns: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the weights of hidden units as pictures: red above zero, blue below.

    Each is scaled by its own largest weight, and those with the longest rows of weights come first.

    Args:
        rbm: the RBM.
        count: how many hidden units.
        shape: see :func:`tiled`.
        columns: likewise.
        ax: where to draw; a new figure when None.
    """
    weight = rbm.weight.detach().float()
    count = check_count("filters", "count", count, 1)
    chosen = weight[weight.square().sum(1).argsort(descending=True)[:count]]
    scaled = chosen / chosen.abs().amax(1, keepdim=True).clamp(min=1e-12)
    ax = given_or_new(ax)
    ax.imshow(tiled(scaled, shape, columns).numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_axis_off()
    return ax


@torch.no_grad()
def run_chains(
    rbm: RBM,
    states: Tensor,
    frames: int = 50,
    *,
    steps: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Means of the visible units of chains over time, [frames, chains, visible].

    The first frame is the states that the chains start from.

    Args:
        rbm: the RBM.
        states: [chains, visible].
        frames: how many.
        steps: Gibbs steps from one frame to the next.
        generator: source of random numbers; the default generator when None.
    """
    check_count("run_chains", "frames", frames, 1)
    states = states.to(rbm.weight)
    means = [states]
    for _ in range(frames - 1):
        states, hidden = rbm.gibbs(states, steps, generator=generator)
        means.append(rbm.visible_mean(hidden))
    return torch.stack(means)


def chains(frames: Tensor, *, shape: Shape | None = None, ax: Axes | None = None) -> Axes:
    """Draw chains over time: a line of pictures for each chain, time from left to right.

    Args:
        frames: [frames, chains, visible], as :func:`run_chains` returns them.
        shape: see :func:`tiled`.
        ax: where to draw; a new figure when None.
    """
    return samples(frames.transpose(0, 1).flatten(0, 1), shape=shape, columns=len(frames), ax=ax)


def save_animation(
    frames: Tensor,
    path: str | os.PathLike[str],
    *,
    shape: Shape | None = None,
    columns: int | None = None,
    milliseconds: int = 100,
) -> None:
    """Write chains over time as an animated GIF: a picture for each chain.

    Args:
        frames: [frames, chains, visible], as :func:`run_chains` returns them.
        path: a file name.
        shape: see :func:`tiled`.
        columns: likewise.
        milliseconds: for which each frame is shown.

    Raises:
        ImportError: Pillow, which comes with matplotlib, is not installed.
    """
    first, *rest = [_image(tiled(frame, shape, columns)) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0)


def save_samples(
    states: Tensor,
    path: str | os.PathLike[str],
    *,
    shape: Shape | None = None,
    columns: int | None = None,
) -> None:
    """Write states or means of the visible units as a grey picture and nothing else.

    Args:
        states: [pictures, height · width].
        path: a file name.
        shape: see :func:`tiled`.
        columns: likewise.

    Raises:
        ImportError: Pillow, which comes with matplotlib, is not installed.
    """
    _image(tiled(states, shape, columns)).save(path)


def _image(canvas: Tensor) -> Image:
    """A picture, black for the largest value and enlarged.

    Raises:
        ImportError: Pillow is not installed.
    """
    try:
        from PIL.Image import fromarray
    except ImportError as error:
        raise ImportError(
            "pictures need Pillow, which comes with matplotlib: pip install torch_rbm[plotting]"
        ) from error
    values = canvas[canvas.isfinite()]
    low, high = values.min(), values.max()
    ink = ((canvas - low) / (high - low).clamp(min=1e-9)).nan_to_num(_MARGIN_INK)
    grey = (255 * (1 - ink)).to(torch.uint8)
    enlarged = grey.repeat_interleave(_ENLARGED, 0).repeat_interleave(_ENLARGED, 1)
    return fromarray(enlarged.numpy())
