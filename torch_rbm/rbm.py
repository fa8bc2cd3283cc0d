"""The restricted Boltzmann machine as a torch module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm.validation import check_count

_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


class RBM(nn.Module):
    """A restricted Boltzmann machine with Bernoulli units.

    E(v, h) = −bᵀv − cᵀh − hᵀWv and p(v, h) = exp(−E(v, h)) / Z (Smolensky 1986; Hinton 2002). As a
    module it is the layer v ↦ E[h | v], differentiable and of the same form as ``nn.Linear``
    followed by ``nn.Sigmoid``. Every method takes [..., units] states: any leading dimensions are
    rows.

    Args:
        visible: number of visible units.
        hidden: number of hidden units.
        device: device of the parameters.
        dtype: dtype of the parameters: float32, float64, bfloat16 or float16.

    Attributes:
        weight: W, [hidden, visible], at first drawn from N(0, 0.01²) (Hinton 2010).
        visible_bias: b, [visible], at first 0.
        hidden_bias: c, [hidden], at first 0.
    """

    def __init__(
        self,
        visible: int,
        hidden: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        visible = check_count("RBM", "visible", visible, 0)
        hidden = check_count("RBM", "hidden", hidden, 0)
        if dtype is not None and dtype not in _DTYPES:
            names = ", ".join(str(known) for known in _DTYPES)
            raise TypeError(f"RBM: expected dtype to be one of {names}, got {dtype}")
        self.weight = nn.Parameter(torch.empty(hidden, visible, device=device, dtype=dtype))
        self.visible_bias = nn.Parameter(torch.empty(visible, device=device, dtype=dtype))
        self.hidden_bias = nn.Parameter(torch.empty(hidden, device=device, dtype=dtype))
        self.reset_parameters()

    @torch.jit.unused
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw ``weight`` from N(0, 0.01²) and set both biases to 0."""
        nn.init.normal_(self.weight, std=0.01, generator=generator)
        nn.init.zeros_(self.visible_bias)
        nn.init.zeros_(self.hidden_bias)

    def extra_repr(self) -> str:
        """Return the sizes for ``repr``."""
        hidden, visible = self.weight.shape
        return f"visible={visible}, hidden={hidden}"

    def forward(self, visible: Tensor) -> Tensor:
        """E[h | v]: the RBM as a layer, [..., visible] to [..., hidden]."""
        return torch.ops.torch_rbm.hidden_mean(visible, self.weight, self.hidden_bias)

    @torch.jit.export
    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Joint energy E(v, h) in nats, [...]."""
        return torch.ops.torch_rbm.energy(
            visible, hidden, self.weight, self.visible_bias, self.hidden_bias
        )

    @torch.jit.export
    def free_energy(self, visible: Tensor) -> Tensor:
        """Free energy F(v) = −log Σ_h exp(−E(v, h)) in nats, [...]; log p(v) = −F(v) − log Z."""
        return torch.ops.torch_rbm.free_energy(
            visible, self.weight, self.visible_bias, self.hidden_bias
        )

    @torch.jit.export
    def log_partition(self) -> Tensor:
        """Exact log Z in nats, float64; the smaller layer must have at most 25 units."""
        return torch.ops.torch_rbm.log_partition(self.weight, self.visible_bias, self.hidden_bias)

    @torch.jit.export
    def hidden_mean(self, visible: Tensor) -> Tensor:
        """E[h | v] = σ(c + Wv), [..., hidden]."""
        return torch.ops.torch_rbm.hidden_mean(visible, self.weight, self.hidden_bias)

    @torch.jit.export
    def visible_mean(self, hidden: Tensor) -> Tensor:
        """E[v | h] = σ(b + Wᵀh), [..., visible]."""
        return torch.ops.torch_rbm.visible_mean(hidden, self.weight, self.visible_bias)

    @torch.jit.export
    def sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Sample h given v, [..., hidden], in the dtype of ``visible``."""
        return torch.ops.torch_rbm.sample_hidden(
            visible, self.weight, self.hidden_bias, generator=generator
        )

    @torch.jit.export
    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Sample v given h, [..., visible], in the dtype of ``hidden``."""
        return torch.ops.torch_rbm.sample_visible(
            hidden, self.weight, self.visible_bias, generator=generator
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
        return torch.ops.torch_rbm.gibbs(
            visible,
            self.weight,
            self.visible_bias,
            self.hidden_bias,
            steps,
            clamp=clamp,
            generator=generator,
        )

    @torch.jit.unused
    def to_linear(self) -> nn.Linear:
        """Return a new ``nn.Linear`` with a copy of ``weight`` and ``hidden_bias``."""
        hidden, visible = self.weight.shape
        linear = nn.Linear(visible, hidden, device=self.weight.device, dtype=self.weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(self.weight)
            linear.bias.copy_(self.hidden_bias)
        return linear
