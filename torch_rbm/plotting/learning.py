"""What training looked like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from torch_rbm.plotting.axes import given_or_new
from torch_rbm.training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Runs = History[Any] | Sequence[History[Any]]


def learning_curve(
    runs: Runs | Mapping[str, Runs],
    measure: str = "log_likelihood",
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw a measure of each epoch, with the standard deviation over repeated runs as a band.

    Args:
        runs: what :func:`torch_rbm.fit` or :func:`torch_rbm.fine_tune` returned, once or several
            times with other seeds; or a dict of these, by the names that the legend shall have.
        measure: an attribute of their epochs, such as ``"log_likelihood"``, which needs validation
            data, ``"pseudo_log_likelihood"``, ``"loss"`` or ``"validation_error"``. Epochs without
            a value are left out.
        ax: where to draw; a new figure when None.

    Raises:
        ValueError: no epoch has such a value.
    """
    ax = given_or_new(ax)
    named: Mapping[str, Runs] = runs if isinstance(runs, Mapping) else {"": runs}
    for name, histories in named.items():
        repeated = [histories] if isinstance(histories, History) else list(histories)
        values: dict[int, list[float]] = {}
        for history in repeated:
            for number, epoch in enumerate(history.epochs, 1):
                value = getattr(epoch, measure, None)
                if value is not None:
                    values.setdefault(number, []).append(value)
        if not values:
            raise ValueError(
                f"learning_curve: expected epochs with a {measure}, got none; the log-likelihood "
                "needs validation data"
            )
        mean = np.array([np.mean(of_epoch) for of_epoch in values.values()])
        (line,) = ax.plot(list(values), mean, label=name or None)
        if len(repeated) > 1:
            std = np.array([np.std(of_epoch) for of_epoch in values.values()])
            ax.fill_between(
                list(values), mean - std, mean + std, color=line.get_color(), alpha=0.25
            )
    ax.set_xlabel("epoch")
    ax.set_ylabel(measure.replace("_", " "))
    if isinstance(runs, Mapping):
        ax.legend()
    return ax
