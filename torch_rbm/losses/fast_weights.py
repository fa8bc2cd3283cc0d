"""Persistent chains that are driven by weights which learn fast and forget fast."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_rbm import ops
from torch_rbm.distributed import random_source
from torch_rbm.losses.contrastive_divergence import PersistentContrastiveDivergence
from torch_rbm.losses.estimate import GradientEstimate
from torch_rbm.rbm import RBM


class FastPersistentContrastiveDivergence(PersistentContrastiveDivergence):
    """FPCD (Tieleman and Hinton 2009): the chains of PCD, pushed out of where they have been.

    The chains are those of an RBM with fast weights and biases added to its own. These follow the
    same gradient at their own, larger rate and decay towards 0: where chains stay, the energy rises
    under them until they leave. Mixing is fast even where learning is slow.

    Bias: the chains are samples of the model with its fast weights, not of the model. Do not take
    the chains for its samples, and expect less likelihood than PCD's after long training with a
    small learning rate.

    Args:
        rbm: the RBM to train, held as a submodule.
        chains: number of chains, independent of the batch size.
        steps: Gibbs steps of the chains per call.
        fast_rate: learning rate of the fast weights.
        fast_decay: what is left of the fast weights after each call, 19/20 in the paper.
        sampled_hidden: use sampled hidden states instead of their means in both phases.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).
    """

    fast_weight: Tensor
    fast_visible_bias: Tensor
    fast_hidden_bias: Tensor

    def __init__(
        self,
        rbm: RBM,
        chains: int = 100,
        steps: int = 1,
        *,
        fast_rate: float = 0.01,
        fast_decay: float = 0.95,
        sampled_hidden: bool = False,
        centered: bool = False,
        validate: bool = True,
    ) -> None:
        super().__init__(
            rbm,
            chains,
            steps,
            sampled_hidden=sampled_hidden,
            centered=centered,
            validate=validate,
        )
        name = type(self).__name__
        if not fast_rate >= 0:
            raise ValueError(f"{name}: expected fast_rate >= 0, got {fast_rate}")
        if not 0 <= fast_decay < 1:
            raise ValueError(f"{name}: expected fast_decay in [0, 1), got {fast_decay}")
        self.fast_rate = float(fast_rate)
        self.fast_decay = float(fast_decay)
        for parameter in ("weight", "visible_bias", "hidden_bias"):
            zeros = torch.zeros_like(getattr(rbm, parameter).detach())
            self.register_buffer(f"fast_{parameter}", zeros)

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        fast = f"fast_rate={self.fast_rate}, fast_decay={self.fast_decay}"
        return f"{super().extra_repr()}, {fast}"

    def estimate(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss, its gradients, and the chains, which go on from here in training."""
        rbm = self.rbm
        with torch.no_grad():
            chain, _ = ops.gibbs(
                self.chain,
                rbm.weight + self.fast_weight,
                rbm.visible_bias + self.fast_visible_bias,
                rbm.hidden_bias + self.fast_hidden_bias,
                self.steps,
                **rbm.unit_options(),
                **random_source(generator, rbm.weight),
            )
        estimate = self._estimate(data, chain, 0, generator, observed)
        if self.training:
            self.chain.copy_(chain)
            fast = (self.fast_weight, self.fast_visible_bias, self.fast_hidden_bias)
            for values, gradient in zip(fast, estimate.gradients, strict=True):
                values.mul_(self.fast_decay).sub_(gradient, alpha=self.fast_rate)
        return estimate
