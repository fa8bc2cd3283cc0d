"""Deep belief nets: stacks of RBMs, trained greedily from the bottom."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from torch_rbm.data import Data
from torch_rbm.losses import ContrastiveDivergence
from torch_rbm.rbm import RBM
from torch_rbm.training import LossFactory, OptimizerFactory, fit
from torch_rbm.validation import check_count


class DBN(nn.Module):
    """A deep belief net (Hinton, Osindero and Teh 2006): RBMs stacked on each other.

    As a module it is the recognition net v ↦ E[h₁|v] ↦ E[h₂|h₁] ↦ …, differentiable.

    Args:
        sizes: units of each layer from the visible one up, two or more, such as [784, 500, 2000].
        device: device of the parameters.
        dtype: dtype of the parameters: float32, float64, bfloat16 or float16.

    Attributes:
        layers: the RBMs from the bottom up.
    """

    if TYPE_CHECKING:
        layers: Sequence[RBM]

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(sizes, Sequence) or isinstance(sizes, str):
            raise TypeError(
                f"DBN: expected sizes to be a sequence such as [784, 500], got {sizes!r}"
            )
        if len(sizes) < 2:
            raise ValueError(f"DBN: expected two or more layer sizes, got {list(sizes)}")
        layers = nn.ModuleList(
            RBM(visible, hidden, device=device, dtype=dtype)
            for visible, hidden in itertools.pairwise(sizes)
        )
        self.layers = cast("Sequence[RBM]", layers)

    def forward(self, visible: Tensor) -> Tensor:
        """Return the means of the top layer, [..., visible] to [..., top]."""
        for layer in self.layers:
            visible = layer(visible)
        return visible

    @torch.jit.export
    def sample(
        self,
        count: int,
        steps: int = 1000,
        mean_visible: bool = False,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Sample from the net: Gibbs steps in the top RBM, then one pass down.

        Args:
            count: number of samples.
            steps: Gibbs steps in the top RBM, from random states.
            mean_visible: return the means of the visible units instead of samples.
            generator: source of random numbers; the default generator when None.

        Returns:
            [count, visible].
        """
        if count < 0:
            raise ValueError(f"DBN.sample: expected count >= 0, got {count}")
        top = self.layers[-1]
        states = torch.full(
            [count, top.weight.size(1)], 0.5, dtype=top.weight.dtype, device=top.weight.device
        )
        states = torch.bernoulli(states, generator=generator)
        states, _ = top.gibbs(states, steps, None, generator)
        below = len(self.layers) - 1
        for i, layer in enumerate(self.layers[:-1][::-1]):
            if mean_visible and i + 1 == below:
                states = layer.visible_mean(states)
            else:
                states = layer.sample_visible(states, generator)
        return states

    @torch.jit.unused
    def pretrain(
        self,
        data: Data,
        *,
        epochs: int = 10,
        batch_size: int = 100,
        loss: LossFactory = ContrastiveDivergence,
        optimizer: OptimizerFactory | None = None,
        generator: torch.Generator | None = None,
        progress: bool = True,
    ) -> list[list[float]]:
        """Train the RBMs one after the other, each on the means of the layers below it.

        The means are computed batch by batch, so no layer's activations are ever held as a whole.
        When anything goes wrong, every layer is left as it was.

        Args:
            data: states or probabilities in [0, 1]: a tensor or NumPy array [cases, ...], a Dataset
                or a DataLoader.
            epochs: passes over the data for each layer.
            batch_size: rows of a batch; a DataLoader keeps its own.
            loss: makes the loss of each layer, as in :func:`torch_rbm.fit`.
            optimizer: makes the optimizer of each layer, as in :func:`torch_rbm.fit`.
            generator: shuffles the data and draws random numbers; the default generator when None.
            progress: show a progress bar for each layer.

        Returns:
            For each layer the mean value of its loss in each epoch.
        """
        before = {name: value.clone() for name, value in self.state_dict().items()}
        gaps = []
        try:
            for i, layer in enumerate(self.layers):
                gaps.append(
                    fit(
                        layer,
                        data,
                        epochs=epochs,
                        batch_size=batch_size,
                        loss=loss,
                        optimizer=optimizer,
                        transform=nn.Sequential(*self.layers[:i]) if i > 0 else None,
                        generator=generator,
                        progress=progress,
                        description=f"layer {i + 1} of {len(self.layers)}",
                    ).losses
                )
        except Exception:
            self.load_state_dict(before)
            raise
        return gaps

    @torch.jit.unused
    def classifier(self, classes: int) -> nn.Sequential:
        """Return a new classifier that starts from this net, to be fine-tuned as any other.

        Args:
            classes: number of outputs of the last, new layer; it starts at zero.

        Returns:
            ``Linear`` and ``Sigmoid`` for each layer, then ``Linear`` to ``classes`` logits.
        """
        classes = check_count("DBN.classifier", "classes", classes, 1)
        modules: list[nn.Module] = []
        for layer in self.layers:
            modules += [layer.to_linear(), nn.Sigmoid()]
        weight = self.layers[-1].weight
        output = nn.Linear(len(weight), classes, device=weight.device, dtype=weight.dtype)
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        return nn.Sequential(*modules, output)
