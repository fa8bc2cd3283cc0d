"""The centred gradient: steps that do not depend on which state of a unit is called 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm import ops
from torch_rbm.distributed import mean_of_all
from torch_rbm.rbm import RBM
from torch_rbm.units import Units

Gradients = tuple[Tensor, Tensor, Tensor]


def _start(units: Units, bias: Tensor) -> Tensor:
    offset = torch.zeros_like(bias.detach())
    for group in units.groups:
        if group.type == "bernoulli":
            offset[group.slice] = 0.5
    return offset


def all_learn(rbm: RBM) -> bool:
    """Whether weight and biases all learn, and none of them is computed from other parameters.

    A centred step is one of all three together: the biases make up for that of the weights.
    """
    return all(
        part.is_leaf and part.requires_grad
        for part in (rbm.weight, rbm.visible_bias, rbm.hidden_bias)
    )


class Centering(nn.Module):
    """Turns the gradient of an RBM into that of the centred RBM (Montavon and Müller 2012).

    With offsets μ and λ near the means of the units, the energy is written as
    −(v − μ)ᵀb′ − (h − λ)ᵀc′ − (h − λ)ᵀW(v − μ). The distribution is that of an ordinary RBM with
    b = b′ − Wᵀλ and c = c′ − Wμ, so that nothing is stored in the centred form: a step of W, b′ and
    c′ is expressed as one of W, b and c (Melchior, Fischer and Wiskott 2016). Learning then treats
    the data and the data with 0 and 1 exchanged alike.

    The offsets are buffers that start at ½ for Bernoulli units and 0 for others, and follow, as
    moving averages, the means of the units half way between data and model; in a group of
    processes (torch.distributed) those of all, which must call the loss equally often.

    In a step along this gradient, as SGD makes it with or without momentum, the biases make up for
    what the weights do to the means of the units. An optimizer that scales every element by itself,
    as Adam does, breaks that, and learns nothing: ``attach`` it, as :func:`torch_rbm.fit` does.
    Where a bias does not learn, or a parameter is computed from others, it cannot make up for
    anything: the gradient is not to be centred then, and by default ``fit`` does not.

    Args:
        rbm: the RBM whose gradients are meant.
        rate: share of each batch in the moving averages.
    """

    visible_offset: Tensor
    hidden_offset: Tensor

    def __init__(self, rbm: RBM, rate: float = 0.01) -> None:
        super().__init__()
        if not 0 < rate <= 1:
            raise ValueError(f"Centering: expected rate in (0, 1], got {rate}")
        self.rate = rate
        self.register_buffer("visible_offset", _start(rbm.visible_layer(), rbm.visible_bias))
        self.register_buffer("hidden_offset", _start(rbm.hidden_layer(), rbm.hidden_bias))

    @torch.no_grad()
    def update(self, visible_mean: Tensor, hidden_mean: Tensor, gradients: Gradients) -> None:
        """Move the offsets towards the means of the units.

        Args:
            visible_mean: means of the visible units under the data, [visible].
            hidden_mean: those of the hidden units, [hidden].
            gradients: those of the negative log-likelihood; for the biases they are the means of
                the units under the model minus those under the data.
        """
        visible, hidden = mean_of_all(
            visible_mean + gradients[1] / 2, hidden_mean + gradients[2] / 2
        )
        self.visible_offset.lerp_(visible, self.rate)
        self.hidden_offset.lerp_(hidden, self.rate)

    def forward(self, gradients: Gradients) -> Gradients:
        """Return the centred gradients for ``weight``, ``visible_bias`` and ``hidden_bias``."""
        return ops.centered_gradient(*gradients, self.visible_offset, self.hidden_offset)

    def attach(self, optimizer: torch.optim.Optimizer, rbm: RBM) -> None:
        """Let an optimizer step in the parameters of the centred form, W, b′ and c′.

        Before each of its steps the centred gradients become those for W, b′ and c′; after it, b
        and c take what the step of W asks of them. Steps of plain SGD come out the same, and are
        left alone; so are steps with a closure, and those of parameters that do not learn, or that
        are computed from others.

        Args:
            optimizer: of the parameters of ``rbm``.
            rbm: the RBM.
        """
        weight, biases = rbm.weight, (rbm.visible_bias, rbm.hidden_bias)
        if type(optimizer) is torch.optim.SGD or not all_learn(rbm):
            return
        before: list[Tensor] = []

        @torch.no_grad()
        def prepare(_: torch.optim.Optimizer, arguments: Any, options: Any) -> None:
            before.clear()
            has_closure = len(arguments) > 1 or options.get("closure") is not None
            if has_closure or weight.grad is None:
                return
            before.append(weight.clone())
            for bias, change in zip(biases, self._fields(weight.grad), strict=True):
                if bias.grad is not None:
                    bias.grad.add_(change)

        @torch.no_grad()
        def follow(*_: Any) -> None:
            if before:
                changes = self._fields(weight - before.pop())
                for bias, change in zip(biases, changes, strict=True):
                    bias.sub_(change)

        optimizer.register_step_pre_hook(prepare)
        optimizer.register_step_post_hook(follow)

    def _fields(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """What weights give the units of each layer where the others are at their offsets."""
        return self.hidden_offset @ weight, weight @ self.visible_offset
