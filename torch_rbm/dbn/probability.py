"""Log probabilities of the layers of a deep belief net, given their neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_rbm import ops
from torch_rbm.conditionals import Conditionals
from torch_rbm.units import Units


def log_generation(layer: Conditionals, visible: Tensor, hidden: Tensor) -> Tensor:
    """log p(v | h) of each row, [...]; differentiable for the weights down."""
    weight = layer.generation_weight()
    field = torch.nn.functional.linear(hidden.to(weight.dtype), weight.t(), layer.visible_bias)
    return _log_probability(visible, field, layer.visible_layer(), layer.visible_precision())


def log_recognition(layer: Conditionals, visible: Tensor, hidden: Tensor) -> Tensor:
    """log q(h | v) of each row, [...]; differentiable for the weights up."""
    field = torch.nn.functional.linear(
        visible.to(layer.weight.dtype), layer.weight, layer.hidden_bias
    )
    return _log_probability(hidden, field, layer.hidden_layer(), None)


def _log_probability(
    states: Tensor, field: Tensor, units: Units, precision: Tensor | None
) -> Tensor:
    """Σ x s − u(s) − Γ(x) over the units of a layer with fields x."""
    states = states.to(field.dtype)
    log_p: Tensor = (states * field).sum(-1)
    log_p = log_p - ops.cumulant(field, units=str(units), precision=precision)
    for group in units.groups:
        if group.continuous:
            part = states[..., group.slice].square()
            if precision is not None:
                part = part * precision[group.slice]
            log_p = log_p - part.sum(-1) / 2
    return log_p
