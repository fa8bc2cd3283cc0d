"""A layer of a belief net: weights down that are not those up."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm.conditionals import Conditionals
from torch_rbm.rbm import RBM


class BeliefLayer(Conditionals):
    """What an RBM below the top of a deep belief net becomes when its weights are untied.

    It has the conditionals of an RBM: up, q(h | v), with the recognition weights, and down,
    p(v | h), with generative weights of their own (Hinton, Osindero and Teh 2006). There is no
    energy and no likelihood of this layer by itself.

    Args:
        rbm: the RBM to start from, not changed.

    Attributes:
        weight: recognition weights, [hidden, visible].
        hidden_bias: recognition biases, [hidden].
        generative_weight: [hidden, visible], too.
        visible_bias: generative biases, [visible].
        visible_log_precision: log γ of the visible units, as in :class:`torch_rbm.RBM`.
    """

    def __init__(self, rbm: RBM) -> None:
        super().__init__()

        def copy(parameter: Tensor) -> nn.Parameter:
            return nn.Parameter(parameter.detach().clone())

        self._visible_layer = rbm.visible_layer()
        self._hidden_layer = rbm.hidden_layer()
        self.visible_units = rbm.visible_units
        self.hidden_units = rbm.hidden_units
        self.weight = copy(rbm.weight)
        self.hidden_bias = copy(rbm.hidden_bias)
        self.generative_weight = copy(rbm.weight)
        self.visible_bias = copy(rbm.visible_bias)
        log_precision = rbm.visible_log_precision
        self.visible_log_precision = None if log_precision is None else copy(log_precision)

    @torch.jit.unused
    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Reset as of an RBM, with the same weights down as up."""
        super().reset_parameters(generator)
        self.generative_weight.copy_(self.weight)

    @torch.jit.export
    def generation_weight(self) -> Tensor:
        """The weights down, [hidden, visible]."""
        return self.generative_weight
