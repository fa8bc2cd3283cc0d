"""Where training starts: parameters from the data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm import ops
from torch_rbm.rbm import RBM
from torch_rbm.sparse import as_cases, column_sums
from torch_rbm.units import Units
from torch_rbm.validation import as_rows, check_rbm

# Steps of the bisection that inverts the mean of relu units: down to the last bit.
_BISECTIONS = 80


@torch.no_grad()
def initialize(
    rbm: RBM,
    data: Tensor | Any,
    *,
    observed: Tensor | None = None,
    weight_std: float = 0.01,
    generator: torch.Generator | None = None,
) -> None:
    """Set an RBM to the model without correlations that fits ``data``, and small random weights.

    The visible biases become those at which every unit has the mean of its data (Hinton 2010,
    section 8.1), and learned precisions those of its variance, so that training begins with what
    units have to do with each other. Frequencies are smoothed, so that constant columns get finite
    biases: (n p + 1) / (n + 2) in place of a frequency p among n cases. A constant column of real
    numbers gets a share of the other columns' variance. Hidden biases become 0.

    Args:
        rbm: the RBM, changed in place.
        data: states or means of them, [cases, visible]: a tensor, strided or CSR, a NumPy array or
            a matrix of scipy.sparse.
        observed: bool, broadcastable to ``data``: where false, the value is missing.
        weight_std: standard deviation of the weights; where precisions are learned, of those of the
            standardised data.
        generator: draws the weights; the default generator when None.

    Raises:
        TypeError, ValueError: ``data`` are none that the visible units can have.
    """
    check_rbm("initialize", rbm)
    if weight_std < 0:
        raise ValueError(f"initialize: expected weight_std >= 0, got {weight_std}")
    data = as_cases(data)
    units = rbm.visible_layer()
    units.check("initialize", "data", data, observed=observed)
    if rbm.visible_log_precision is not None:
        precision = _fitting_precision(units, as_rows(data), _rows_of(observed, data))
        rbm.visible_log_precision.copy_(precision.log())
    rbm.visible_bias.copy_(fitting_bias(rbm, data, observed))
    nn.init.normal_(rbm.weight, std=weight_std, generator=generator)
    if rbm.visible_log_precision is not None:
        rbm.weight.mul_((rbm.visible_log_precision / 2).exp())
    nn.init.zeros_(rbm.hidden_bias)


def fitting_bias(rbm: RBM, data: Tensor, observed: Tensor | None = None) -> Tensor:
    """Visible biases, [visible], of the model without weights that fits ``data``, smoothed."""
    units = rbm.visible_layer()
    rows, seen = as_rows(data), _rows_of(observed, data)
    total, count = _sums(rows, seen)
    bias = torch.zeros_like(total)
    precision = rbm.visible_precision()
    gamma = torch.ones_like(total) if precision is None else precision.detach().to(total)
    for group in units.groups:
        part = group.slice
        added, cases = total[part], count[part]
        if group.type == "bernoulli":
            bias[part] = torch.logit((added + 1) / (cases + 2))
        elif group.type == "spin":
            bias[part] = torch.atanh(added / (cases + 2))
        elif group.type == "categorical":
            share = (added + 1) / (cases + group.states)
            bias[part] = share.log()
        elif group.type == "gaussian":
            bias[part] = gamma[part] * added / cases.clamp(min=1)
        else:
            bias[part] = _relu_bias(added / cases.clamp(min=1), gamma[part])
    return bias.to(rbm.visible_bias)


def _rows_of(observed: Tensor | None, data: Tensor) -> Tensor | None:
    return None if observed is None else as_rows(observed.expand(data.shape))


def _sums(rows: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the sum of each column and how many cases it has, float64."""
    if seen is None:
        total = column_sums(rows)
        return total, torch.full_like(total, len(rows))
    rows = torch.where(seen, rows, torch.zeros_like(rows))
    return rows.sum(0, dtype=torch.float64), seen.sum(0).double()


def _fitting_precision(units: Units, rows: Tensor, seen: Tensor | None) -> Tensor:
    """Precisions of the columns, [visible]; those of discrete units are 1.

    A column without variance gets that of one case at an average distance.
    """
    total, count = _sums(rows, seen)
    deviation = rows.double() - total / count.clamp(min=1)
    squares, _ = _sums(deviation.square(), seen)
    precision = torch.ones_like(total)
    for group in units.groups:
        if group.continuous:
            part = group.slice
            variance = squares[part] / count[part].clamp(min=1)
            varies = variance > 0
            average = variance[varies].mean() if varies.any() else torch.ones_like(variance[0])
            constant = (count[part] + 1) / average
            precision[part] = torch.where(varies, 1 / variance, constant)
    return precision


def _relu_bias(mean: Tensor, precision: Tensor) -> Tensor:
    """The biases at which relu units without weights have these means."""
    scale = precision.rsqrt()
    target = (mean / scale).clamp(1e-3, 1e6)
    nothing = torch.zeros(len(mean), 0, dtype=torch.float64)
    low, high = -2 / target, target + 1

    def mean_at(bias: Tensor) -> Tensor:
        return ops.visible_mean(nothing[:1], nothing.t(), bias, visible_units="relu")[0]

    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = mean_at(middle) > target
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2 / scale
