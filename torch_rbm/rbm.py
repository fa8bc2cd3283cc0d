"""The restricted Boltzmann machine as a torch module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm.conditionals import Conditionals
from torch_rbm.units import Units, UnitsLike
from torch_rbm.validation import check_count, check_tensor

_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


class RBM(Conditionals):
    """A restricted Boltzmann machine.

    E(v, h) = Σ u(v) − bᵀv + Σ u(h) − cᵀh − hᵀWv and p(v, h) = exp(−E(v, h)) / Z (Smolensky 1986;
    Hinton 2002; Welling, Rosen-Zvi and Hinton 2005), with u(s) = γs²/2 for gaussian and relu units
    of precision γ and 0 for others. As a module it is the layer v ↦ E[h | v], differentiable and,
    for Bernoulli hidden units, of the same form as ``nn.Linear`` followed by ``nn.Sigmoid``. Every
    method takes [..., units] states: any leading dimensions are rows.

    Args:
        visible: number of visible elements.
        hidden: number of hidden elements.
        visible_units: what the visible units are: ``"bernoulli"``, states {0, 1}; ``"spin"``,
            {−1, +1}; ``"categorical"``, one unit, one-hot over the whole layer, or
            ``"categorical(5)"``, units of five elements each; ``"gaussian"``, ℝ; ``"relu"``, ℝ≥0, a
            truncated normal; or named groups, ``[("pixels", "gaussian", 784), ("label",
            "categorical", 10)]``.
        hidden_units: what the hidden units are, likewise.
        learn_precision: make the precisions of gaussian and relu visible units a parameter;
            otherwise they stay 1 (standardise such data). Those of hidden units stay 1: they would
            only scale the weights.
        device: device of the parameters.
        dtype: dtype of the parameters: float32, float64, bfloat16 or float16.

    Attributes:
        weight: W, [hidden, visible], at first drawn from N(0, 0.01²) (Hinton 2010).
        visible_bias: b, [visible], at first 0; see :func:`torch_rbm.initialize`.
        hidden_bias: c, [hidden], at first 0.
        visible_log_precision: log γ of the visible units, [visible], at first 0; None where the
            precisions are not learned.
        visible_units: the visible units in the operators' spelling.
        hidden_units: the hidden units likewise.

    Raises:
        TypeError, ValueError: an argument is not as described.
    """

    def __init__(
        self,
        visible: int,
        hidden: int,
        *,
        visible_units: UnitsLike = "bernoulli",
        hidden_units: UnitsLike = "bernoulli",
        learn_precision: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        visible = check_count("RBM", "visible", visible, 0)
        hidden = check_count("RBM", "hidden", hidden, 0)
        if dtype is not None and dtype not in _DTYPES:
            names = ", ".join(str(known) for known in _DTYPES)
            raise TypeError(f"RBM: expected dtype to be one of {names}, got {dtype}")
        self._visible_layer = Units("RBM", "visible_units", visible_units, visible)
        self._hidden_layer = Units("RBM", "hidden_units", hidden_units, hidden)
        self.visible_units = str(self._visible_layer)
        self.hidden_units = str(self._hidden_layer)
        if learn_precision and not self._visible_layer.continuous:
            raise ValueError(
                "RBM: expected gaussian or relu visible units with learn_precision=True, "
                f"got {self.visible_units!r}"
            )
        self.weight = nn.Parameter(torch.empty(hidden, visible, device=device, dtype=dtype))
        self.visible_bias = nn.Parameter(torch.empty(visible, device=device, dtype=dtype))
        self.hidden_bias = nn.Parameter(torch.empty(hidden, device=device, dtype=dtype))
        self.visible_log_precision = (
            nn.Parameter(torch.empty(visible, device=device, dtype=dtype))
            if learn_precision
            else None
        )
        self.reset_parameters()

    @torch.jit.unused
    def description(self) -> dict[str, Any]:
        """Return the class and the arguments that make an RBM like this, for files."""
        hidden, visible = self.weight.shape
        return {
            "class": "RBM",
            "visible": visible,
            "hidden": hidden,
            "visible_units": self._visible_layer.as_argument(),
            "hidden_units": self._hidden_layer.as_argument(),
            "learn_precision": self.visible_log_precision is not None,
            "dtype": str(self.weight.dtype).removeprefix("torch."),
        }

    @torch.jit.export
    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Joint energy E(v, h) in nats, [...]."""
        check_tensor("energy", "visible", visible)
        check_tensor("energy", "hidden", hidden)
        return torch.ops.torch_rbm.energy(
            visible,
            hidden,
            self.weight,
            self.visible_bias,
            self.hidden_bias,
            visible_units=self.visible_units,
            hidden_units=self.hidden_units,
            visible_precision=self.visible_precision(),
        )

    @torch.jit.export
    def free_energy(self, visible: Tensor, observed: Tensor | None = None) -> Tensor:
        """Free energy F(v) = −log Σ_h exp(−E(v, h)) in nats, [...]; log p(v) = −F(v) − log Z.

        Args:
            visible: [..., visible].
            observed: bool, broadcastable to ``visible``: where false, the value is missing, and
                its unit is no part of the model of that row; log Z is that of the smaller model.
        """
        check_tensor("free_energy", "visible", visible)
        if observed is not None:
            visible = torch.where(observed, visible, torch.zeros_like(visible))
        return torch.ops.torch_rbm.free_energy(
            visible,
            self.weight,
            self.visible_bias,
            self.hidden_bias,
            visible_units=self.visible_units,
            hidden_units=self.hidden_units,
            visible_precision=self.visible_precision(),
        )

    @torch.jit.export
    def log_partition(self) -> Tensor:
        """Exact log Z in nats, float64; the smaller layer must have at most 2^25 states."""
        return torch.ops.torch_rbm.log_partition(
            self.weight,
            self.visible_bias,
            self.hidden_bias,
            visible_units=self.visible_units,
            hidden_units=self.hidden_units,
            visible_precision=self.visible_precision(),
        )

    @torch.jit.export
    def moments(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Exact log Z, ⟨hᵀv⟩, ⟨v⟩ and ⟨h⟩ under the model, float64; where log Z is exact.

        See :func:`torch_rbm.ops.moments`.
        """
        return torch.ops.torch_rbm.moments(
            self.weight,
            self.visible_bias,
            self.hidden_bias,
            visible_units=self.visible_units,
            hidden_units=self.hidden_units,
            visible_precision=self.visible_precision(),
        )

    @torch.jit.export
    def gibbs(
        self,
        visible: Tensor,
        steps: int = 1,
        clamp: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run ``steps`` block Gibbs steps v → h → v (Geman and Geman 1984).

        Args:
            visible: the states to start from, [..., visible].
            steps: how many steps, 0 or more.
            clamp: bool, broadcastable to ``visible``: where true, the state keeps its given value.
                Clamping what is known and sampling the rest fills in missing values.
            generator: source of random numbers; the default generator when None.

        Returns:
            The last visible states and the hidden states that they were drawn from.
        """
        check_tensor("gibbs", "visible", visible)
        return torch.ops.torch_rbm.gibbs(
            visible,
            self.weight,
            self.visible_bias,
            self.hidden_bias,
            steps,
            visible_units=self.visible_units,
            hidden_units=self.hidden_units,
            visible_precision=self.visible_precision(),
            clamp=clamp,
            generator=generator,
        )

    @torch.jit.unused
    def unit_options(self) -> dict[str, Any]:
        """Return what the units are, as keyword arguments of the operators."""
        return {
            "visible_units": self.visible_units,
            "hidden_units": self.hidden_units,
            "visible_precision": self.visible_precision(),
        }

    @torch.jit.unused
    def to_linear(self) -> nn.Linear:
        """Return a new ``nn.Linear`` with a copy of ``weight`` and ``hidden_bias``."""
        hidden, visible = self.weight.shape
        linear = nn.Linear(visible, hidden, device=self.weight.device, dtype=self.weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(self.weight)
            linear.bias.copy_(self.hidden_bias)
        return linear
