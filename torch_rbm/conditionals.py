"""Two layers of units, each of which can be drawn given the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from torch_rbm.units import Units
from torch_rbm.validation import check_tensor


class Conditionals(nn.Module):
    """q(h | v) and p(v | h): what an RBM and a layer of a belief net have in common.

    Attributes:
        weight: [hidden, visible], the weights up and, of an RBM, down.
        visible_bias: [visible].
        hidden_bias: [hidden].
        visible_log_precision: log γ of the visible units, [visible]; None where it is not learned.
        visible_units: the visible units in the operators' spelling.
        hidden_units: the hidden units likewise.
    """

    if TYPE_CHECKING:  # TorchScript takes annotations for attributes of its own types
        weight: nn.Parameter
        visible_bias: nn.Parameter
        hidden_bias: nn.Parameter
        visible_log_precision: nn.Parameter | None
        visible_units: str
        hidden_units: str
        _visible_layer: Units
        _hidden_layer: Units

    def extra_repr(self) -> str:
        """Return sizes and units for ``repr``."""
        hidden, visible = self.weight.shape
        text = f"visible={visible}, hidden={hidden}"
        for name in ("visible_units", "hidden_units"):
            units = getattr(self, name)
            text += "" if units == "bernoulli" else f", {name}={units!r}"
        return text + (", learn_precision=True" if self.visible_log_precision is not None else "")

    @torch.jit.unused
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw ``weight`` from N(0, 0.01²) and set biases and logarithms of precisions to 0."""
        nn.init.normal_(self.weight, std=0.01, generator=generator)
        for parameter in (self.visible_bias, self.hidden_bias, self.visible_log_precision):
            if parameter is not None:
                nn.init.zeros_(parameter)

    @torch.jit.unused
    def visible_layer(self) -> Units:
        """Return what is known about the visible units, such as their groups."""
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

    @torch.jit.export
    def generation_weight(self) -> Tensor:
        """The weights down, [hidden, visible]."""
        return self.weight

    def forward(self, visible: Tensor) -> Tensor:
        """E[h | v]: the RBM as a layer, [..., visible] to [..., hidden]."""
        return self.hidden_mean(visible)

    @torch.jit.export
    def hidden_mean(self, visible: Tensor) -> Tensor:
        """E[h | v], for Bernoulli units σ(c + Wv), [..., hidden]."""
        check_tensor("hidden_mean", "visible", visible)
        return torch.ops.torch_rbm.hidden_mean(
            visible, self.weight, self.hidden_bias, hidden_units=self.hidden_units
        )

    @torch.jit.export
    def visible_mean(self, hidden: Tensor) -> Tensor:
        """E[v | h], for Bernoulli units σ(b + Wᵀh), [..., visible]."""
        check_tensor("visible_mean", "hidden", hidden)
        return torch.ops.torch_rbm.visible_mean(
            hidden,
            self.generation_weight(),
            self.visible_bias,
            visible_units=self.visible_units,
            visible_precision=self.visible_precision(),
        )

    @torch.jit.export
    def sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Sample h given v, [..., hidden], in the dtype of ``visible``."""
        check_tensor("sample_hidden", "visible", visible)
        return torch.ops.torch_rbm.sample_hidden(
            visible,
            self.weight,
            self.hidden_bias,
            hidden_units=self.hidden_units,
            generator=generator,
        )

    @torch.jit.export
    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Sample v given h, [..., visible], in the dtype of ``hidden``."""
        check_tensor("sample_visible", "hidden", hidden)
        return torch.ops.torch_rbm.sample_visible(
            hidden,
            self.generation_weight(),
            self.visible_bias,
            visible_units=self.visible_units,
            visible_precision=self.visible_precision(),
            generator=generator,
        )
