"""Missing values: what a model says about them, given the values that are there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_rbm.losses.estimate import independent_chains
from torch_rbm.rbm import RBM
from torch_rbm.sparse import as_cases
from torch_rbm.units import Units
from torch_rbm.validation import as_rows, check_count, check_dense, check_rbm, words

# Steps before the first that counts, as a share of those that do.
_BURN_IN = 0.2


@torch.no_grad()
def fill_in(
    rbm: RBM,
    data: Tensor | Any,
    observed: Tensor | None = None,
    *,
    steps: int = 200,
    sample: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return ``data`` with something in place of the missing values; the others are as they were.

    Each row has a chain of Gibbs steps that keeps what is known and draws what is not (Geman and
    Geman 1984). Missing values become their means given the known ones, averaged over the chain's
    hidden states, in which they are exact (Gelfand and Smith 1990); or, with ``sample``, the
    chain's last states: drawn several times, they show how sure the model is (Rubin 1987).

    ``fit(rbm, data, transform=partial(fill_in, rbm, sample=True, steps=5))`` learns from rows with
    missing values, as if these had been summed over, by any loss.

    Args:
        rbm: the model, of the whole rows.
        data: [..., visible]: a tensor, a NumPy array or a data frame.
        observed: bool, broadcastable to ``data``: where false, the value is missing; when None, the
            missing ones are NaN. A categorical unit must be missing as a whole.
        steps: Gibbs steps of each chain, 1 or more.
        sample: give samples instead of means.
        generator: source of random numbers; the default generator when None.

    Returns:
        [..., visible] in the dtype of the RBM.

    Raises:
        TypeError, ValueError: the known values are none that the visible units can have, or a
            categorical unit is missing in part.
        FloatingPointError: the parameters are too large, or not finite, as after a training that
            diverged.
    """
    where = "fill_in"
    check_rbm(where, rbm)
    steps = check_count(where, "steps", steps, 1)
    data = as_cases(data)
    if not isinstance(data, Tensor):
        raise TypeError(f"{where}: expected data to be a table of numbers, got {words(data)}")
    check_dense(where, "data", data)
    if observed is None:
        observed = ~data.isnan()
    units = rbm.visible_layer()
    units.check(where, "data", data, observed=observed)
    known = as_rows(observed.expand(data.shape))
    _check_whole(where, units, known)
    result = as_rows(data).to(rbm.weight, copy=True)
    incomplete = ~known.all(1)
    if incomplete.any():
        rows = _filled(rbm, result[incomplete], known[incomplete], steps, sample, generator)
        if not rows.isfinite().all():
            raise FloatingPointError(
                f"{where}: expected parameters with which states stay finite, got weights of norm "
                f"{rbm.weight.norm().item():.3g}"
            )
        result[incomplete] = rows
    return result.view(data.shape)


def _filled(
    rbm: RBM,
    rows: Tensor,
    known: Tensor,
    steps: int,
    sample: bool,
    generator: torch.Generator | None,
) -> Tensor:
    start = torch.where(known, rows, independent_chains(rbm, len(rows), generator))
    if sample:
        return rbm.gibbs(start, steps, known, generator)[0]
    states, _ = rbm.gibbs(start, round(_BURN_IN * steps), known, generator)
    total = torch.zeros_like(states)
    for _ in range(steps):
        states, hidden = rbm.gibbs(states, 1, known, generator)
        total += rbm.visible_mean(hidden)
    return torch.where(known, rows, total / steps)


def _check_whole(where: str, units: Units, known: Tensor) -> None:
    for group in units.groups:
        if group.type == "categorical":
            by_unit = known[:, group.slice].reshape(len(known), -1, group.states)
            if (by_unit.any(-1) != by_unit.all(-1)).any():
                raise ValueError(
                    f"{where}: expected all {group.states} elements of a categorical unit to be "
                    "missing, or none of them"
                )
