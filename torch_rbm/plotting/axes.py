"""Where to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def given_or_new(ax: Axes | None) -> Axes:
    """The axes that a caller has given, or those of a new figure.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "torch_rbm.plotting needs matplotlib: pip install torch_rbm[plotting]"
        ) from error
    _, new = pyplot.subplots(layout="constrained")
    return new
