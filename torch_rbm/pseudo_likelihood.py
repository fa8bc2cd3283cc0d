"""The pseudo-likelihood: how well every visible unit fits all the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_rbm import ops
from torch_rbm.rbm import RBM
from torch_rbm.sparse import as_cases
from torch_rbm.units import Group
from torch_rbm.validation import as_rows, check_dense, check_rbm

# Fields of altered states that are held at a time.
_ELEMENTS = 2**22
# Integrals over a continuous unit: nodes for each standard deviation, how many of these beyond what
# the other units can do, and how many nodes at most.
_NODES = 8
_REACH = 9.0
_MOST_NODES = 2**14


@torch.no_grad()
def pseudo_log_likelihood(
    rbm: RBM,
    visible: Tensor | Any,
    *,
    stochastic: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Σⱼ log p(vⱼ | all other units) in nats, one value per row (Besag 1975).

    Needs no partition function, and for data from a model of the family, in the limit of many, its
    maximum is where the likelihood's is; but it only asks whether each unit fits its neighbours, so
    a model with the wrong weights between distant modes scores well. Compare it between epochs of
    one model, not between models. Of gaussian and relu units it has densities, by numerical
    integration.

    Args:
        rbm: the model.
        visible: states, [..., visible]: a tensor, a NumPy array or a data frame.
        stochastic: ask for one random unit of each row and multiply by the number of units: the
            same expectation with much variance, as many times cheaper.
        generator: chooses the units; the default generator when None.

    Returns:
        [...], float64 for a float64 model, else float32.

    Raises:
        ValueError: ``visible`` are no states, or a continuous unit has no conditional density.
    """
    where = "pseudo_log_likelihood"
    check_rbm(where, rbm)
    visible = as_cases(visible)
    rbm.visible_layer().check(where, "visible", visible, states=True)
    check_dense(where, "visible", visible)
    dtype = torch.promote_types(rbm.weight.dtype, torch.float32)
    rows = as_rows(visible).to(dtype)
    units = [
        (group, first)
        for group in rbm.visible_layer().groups
        for first in range(group.first, group.first + group.size, group.states)
    ]
    field = nn.functional.linear(rows, rbm.weight.to(dtype), rbm.hidden_bias.to(dtype))
    cumulant = ops.cumulant(field, units=rbm.hidden_units)
    values = rows.new_zeros(len(rows))
    if stochastic and units:
        elements = torch.tensor([first for _, first in units], device=rows.device)
        chosen = torch.randint(len(units), (len(rows),), generator=generator, device=rows.device)
        first = elements[chosen]
        for group in rbm.visible_layer().groups:
            inside = (first >= group.first) & (first < group.first + group.size)
            # Rows that ask for discrete units of one type go together; integrals are of one unit.
            parts = (
                [inside & (first == element) for element in torch.unique(first[inside])]
                if group.continuous
                else [inside]
            )
            for part in parts:
                of = part.nonzero().flatten()
                values[of] = len(units) * _log_conditional(
                    rbm, rows[of], field[of], cumulant[of], group, first[of]
                )
    else:
        for group, element in units:
            first = torch.full((len(rows),), element, device=rows.device)
            values += _log_conditional(rbm, rows, field, cumulant, group, first)
    return values.reshape(visible.shape[:-1])


def _log_conditional(
    rbm: RBM, rows: Tensor, field: Tensor, cumulant: Tensor, group: Group, first: Tensor
) -> Tensor:
    """log p of a unit given all others, for each row.

    The unit begins at element ``first``, [rows], in the same one of all rows if it is continuous.
    ``field`` is what the hidden units see, [rows, hidden], and ``cumulant`` what they add to −F,
    [rows]: another state of one unit changes the field by as much as its weights, and −F by what
    follows from that.
    """
    if len(rows) == 0:
        return rows.new_zeros(0)
    elements = first[:, None] + torch.arange(group.states, device=rows.device)
    own = rows.gather(1, elements)
    if group.continuous:
        states, log_weights = _nodes(rbm, rows, group, int(first[0]))
        terms = []
    else:
        states = _others(own, group)
        log_weights = rows.new_zeros(len(states), len(rows))
        terms = [rows.new_zeros(1, len(rows))]
    weight = rbm.weight.to(rows.dtype).t()[elements]
    bias = rbm.visible_bias.to(rows.dtype)[elements]
    precision = rbm.visible_precision() if group.continuous else None
    size = max(_ELEMENTS // max(field.numel(), 1), 1)
    for first_state in range(0, len(states), size):
        part = slice(first_state, first_state + size)
        change = states[part] - own
        altered = field + torch.einsum("nrk,rkh->nrh", change, weight)
        gain = ops.cumulant(altered, units=rbm.hidden_units) - cumulant + (change * bias).sum(-1)
        if group.continuous:
            gamma = 1.0 if precision is None else precision.to(rows.dtype)[elements]
            gain -= (gamma / 2 * (states[part].square() - own.square())).sum(-1)
        terms.append(log_weights[part] + gain)
    return -torch.logsumexp(torch.cat(terms), 0)


def _others(own: Tensor, group: Group) -> Tensor:
    """The states that a discrete unit is not in, [others, rows, elements]."""
    if group.type == "categorical":
        others = [own.roll(shift, 1) for shift in range(1, group.states)]
        return torch.stack(others) if others else own.new_zeros(0, *own.shape)
    return (-own if group.type == "spin" else 1 - own).unsqueeze(0)


def _nodes(rbm: RBM, rows: Tensor, group: Group, element: int) -> tuple[Tensor, Tensor]:
    """Nodes for integrals over a continuous unit, [nodes, rows, 1], and their log weights.

    F as a function of the unit's state is a parabola of curvature γ, less what hidden units can
    bend it by: continuous ones by w² each, the others by a slope of |w| at most. The minimum lies
    no further from the present state than slope / curvature.
    """
    precision = rbm.visible_precision()
    gamma = 1.0 if precision is None else precision[element].item()
    weight = rbm.weight[:, element].double()
    bending, slope = 0.0, 0.0
    for hidden in rbm.hidden_layer().groups:
        part = weight[hidden.slice]
        if hidden.continuous:
            bending += part.square().sum().item()
        else:
            slope += 2 * part.abs().sum().item()
    curvature = gamma - bending
    if curvature <= 0:
        raise ValueError(
            "pseudo_log_likelihood: expected a conditional density that can be normalised, got "
            f"visible unit {element} of precision {gamma:.4g} with squared weights to continuous "
            f"hidden units of {bending:.4g} in all"
        )
    state = rows[:, element].double()
    field = rbm.visible_bias[element].double() + rbm.hidden_mean(rows).double() @ weight
    reach = ((gamma * state - field).abs() + slope) / curvature + _REACH * curvature**-0.5
    low, high = state - reach, state + reach
    if group.type == "relu":
        low, high = low.clamp(min=0), high.clamp(min=1e-3)
    count = int((high - low).max().item() * gamma**0.5) + 1
    if count * _NODES > _MOST_NODES:
        raise ValueError(
            "pseudo_log_likelihood: expected weights small enough to integrate over visible unit "
            f"{element}, got a range of {count} standard deviations"
        )
    points, point_weights = np.polynomial.legendre.leggauss(_NODES)
    unit = torch.from_numpy((points + 1) / 2).to(state)
    unit_weights = torch.from_numpy(point_weights / 2).to(state)
    starts = torch.arange(count, dtype=torch.float64, device=state.device)
    share = ((starts[:, None] + unit) / count).flatten()
    width = high - low
    nodes = low + share[:, None] * width
    log_weights = unit_weights.repeat(count).log()[:, None] + (width / count).log()
    return nodes.unsqueeze(-1).to(rows), log_weights.to(rows)
