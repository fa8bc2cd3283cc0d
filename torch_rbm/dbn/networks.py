"""Ordinary torch modules that start from the layers of a deep belief net."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from torch_rbm.conditionals import Conditionals
from torch_rbm.units import Units
from torch_rbm.validation import check_dropout


def with_output(layers: Sequence[Conditionals], outputs: int, dropout: float) -> nn.Sequential:
    """Return the layers up, and a new linear layer that starts at zero."""
    check_dropout("DBN", dropout)
    modules: list[nn.Module] = []
    for layer in layers:
        modules += _up(layer)
        if dropout > 0:
            modules.append(nn.Dropout(dropout))
    weight = layers[-1].weight
    output = nn.Linear(len(weight), outputs, device=weight.device, dtype=weight.dtype)
    nn.init.zeros_(output.weight)
    nn.init.zeros_(output.bias)
    return nn.Sequential(*modules, output)


class Autoencoder(nn.Module):
    """A net from data to a code and back (Hinton and Salakhutdinov 2006).

    Args:
        layers: the layers to start from, from the data up.

    Attributes:
        encoder: from the data to the code.
        decoder: from the code to the data.
    """

    def __init__(self, layers: Sequence[Conditionals]) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*(module for layer in layers for module in _up(layer)))
        down = (module for layer in reversed(layers) for module in _down(layer))
        self.decoder = nn.Sequential(*down)

    def forward(self, data: Tensor) -> Tensor:
        """Return the reconstruction of ``data``, both [..., visible]."""
        reconstruction: Tensor = self.decoder(self.encoder(data))
        return reconstruction


@torch.no_grad()
def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    outputs, inputs = weight.shape
    linear = nn.Linear(inputs, outputs, device=weight.device, dtype=weight.dtype)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias)
    return linear


def _up(layer: Conditionals) -> list[nn.Module]:
    return [_linear(layer.weight, layer.hidden_bias), *_means(layer.hidden_layer())]


@torch.no_grad()
def _down(layer: Conditionals) -> list[nn.Module]:
    weight = layer.generation_weight()
    bias: Tensor = layer.visible_bias
    precision = layer.visible_precision()
    if precision is not None:  # the mean of a gaussian unit is its field over its precision
        weight, bias = weight / precision, bias / precision
    return [_linear(weight.t(), bias), *_means(layer.visible_layer())]


def _means(units: Units) -> list[nn.Module]:
    """Modules from the fields of units to their means; for relu units the usual rectifier."""
    if units.only == "bernoulli":
        return [nn.Sigmoid()]
    if units.only == "spin":
        return [nn.Tanh()]
    if units.only == "relu":
        return [nn.ReLU()]
    if units.only == "gaussian":
        return []
    if units.only == "categorical" and len(units.groups) == 1:
        states = units.groups[0].states
        return [nn.Unflatten(-1, (-1, states)), nn.Softmax(-1), nn.Flatten(-2)]
    raise ValueError(
        f"DBN: expected layers with units of one type to make a network of, got {str(units)!r}"
    )
