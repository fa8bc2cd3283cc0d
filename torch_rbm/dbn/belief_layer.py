"""A layer of a sigmoid belief net: weights down that are not those up."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm.rbm import RBM
from torch_rbm.units import Units


class BeliefLayer(nn.Module):
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

    def extra_repr(self) -> str:
        """Return sizes and units for ``repr``."""
        hidden, visible = self.weight.shape
        return (
            f"visible={visible}, hidden={hidden}, visible_units={self.visible_units!r}, "
            f"hidden_units={self.hidden_units!r}"
        )

    @torch.jit.unused
    def visible_layer(self) -> Units:
        """Return what is known about the visible units."""
        return self._visible_layer

    @torch.jit.unused
    def hidden_layer(self) -> Units:
        """Return what is known about the hidden units."""
        return self._hidden_layer

    @torch.jit.export
    def visible_precision(self) -> Tensor | None:
        """γ of the visible units, [visible], where it is learned; otherwise None, for 1."""
        log_precision = self.visible_log_precision
        return None if log_precision is None else log_precision.exp()

    def forward(self, visible: Tensor) -> Tensor:
        """E[h | v] by recognition, [..., visible] to [..., hidden]."""
        return self.hidden_mean(visible)

    @torch.jit.export
    def hidden_mean(self, visible: Tensor) -> Tensor:
        """E[h | v] by recognition, [..., hidden]."""
        return torch.ops.torch_rbm.hidden_mean(
            visible, self.weight, self.hidden_bias, hidden_units=self.hidden_units
        )

    @torch.jit.export
    def visible_mean(self, hidden: Tensor) -> Tensor:
        """E[v | h] by generation, [..., visible]."""
        return torch.ops.torch_rbm.visible_mean(
            hidden,
            self.generative_weight,
            self.visible_bias,
            visible_units=self.visible_units,
            visible_precision=self.visible_precision(),
        )

    @torch.jit.export
    def sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Sample h given v by recognition, [..., hidden]."""
        return torch.ops.torch_rbm.sample_hidden(
            visible,
            self.weight,
            self.hidden_bias,
            hidden_units=self.hidden_units,
            generator=generator,
        )

    @torch.jit.export
    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Sample v given h by generation, [..., visible]."""
        return torch.ops.torch_rbm.sample_visible(
            hidden,
            self.generative_weight,
            self.visible_bias,
            visible_units=self.visible_units,
            visible_precision=self.visible_precision(),
            generator=generator,
        )
