"""The same distribution with its binary states named otherwise."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_rbm.rbm import RBM
from torch_rbm.units import Units
from torch_rbm.validation import check_rbm

_OTHER = {"bernoulli": "spin", "spin": "bernoulli"}


@torch.no_grad()
def exchange_spins(rbm: RBM, *, visible: bool = True, hidden: bool = True) -> RBM:
    """Return the RBM with spin units for Bernoulli ones, and the other way round.

    A spin s and a Bernoulli unit t with s = 2t − 1 have the same distribution after a change of
    weights and biases; energies differ by a constant. ``(v + 1) / 2`` and ``2 * v - 1`` turn the
    states into each other. Likelihoods, samples and hidden means are those of the given RBM.

    Args:
        rbm: the RBM, not changed. Units of other types stay what they are.
        visible: exchange the visible units.
        hidden: exchange the hidden units.
    """
    check_rbm("exchange_spins", rbm)
    weight = rbm.weight.double()
    visible_bias, hidden_bias = rbm.visible_bias.double(), rbm.hidden_bias.double()
    visible_units = rbm.visible_layer().as_argument()
    hidden_units = rbm.hidden_layer().as_argument()
    # A state s of the given RBM is scale * t + shift of the state t of the new one.
    if visible:
        scale, shift = _map(rbm.visible_layer(), weight)
        hidden_bias = hidden_bias + weight @ shift
        weight, visible_bias = weight * scale, visible_bias * scale
        visible_units = rbm.visible_layer().as_argument(_OTHER)
    if hidden:
        scale, shift = _map(rbm.hidden_layer(), weight)
        visible_bias = visible_bias + shift @ weight
        weight, hidden_bias = weight * scale[:, None], hidden_bias * scale
        hidden_units = rbm.hidden_layer().as_argument(_OTHER)
    result = RBM(
        len(visible_bias),
        len(hidden_bias),
        visible_units=visible_units,
        hidden_units=hidden_units,
        learn_precision=rbm.visible_log_precision is not None,
        device=rbm.weight.device,
        dtype=rbm.weight.dtype,
    )
    result.weight.copy_(weight)
    result.visible_bias.copy_(visible_bias)
    result.hidden_bias.copy_(hidden_bias)
    if result.visible_log_precision is not None and rbm.visible_log_precision is not None:
        result.visible_log_precision.copy_(rbm.visible_log_precision)
    return result


def _map(units: Units, like: Tensor) -> tuple[Tensor, Tensor]:
    scale, shift = like.new_ones(units.size), like.new_zeros(units.size)
    for group in units.groups:
        if group.type == "spin":  # s = 2 t - 1
            scale[group.slice], shift[group.slice] = 2.0, -1.0
        elif group.type == "bernoulli":  # t = s / 2 + 1 / 2
            scale[group.slice], shift[group.slice] = 0.5, 0.5
    return scale, shift
