"""Contrastive divergence: chains from the data, persistent chains, and chains of means."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from torch_rbm.losses.estimate import GradientEstimate, SampledLoss, independent_chains
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_count, check_dense


class ContrastiveDivergence(SampledLoss):
    """CD-k (Hinton 2002): the chains of the negative phase start at the data of each batch.

    ``loss(data).backward()`` adds the estimate of the gradient of the mean negative log-likelihood
    to ``.grad`` of the RBM's parameters; no graph is built through the chain. The value of the loss
    is the energy gap ⟨E(v, E[h|v])⟩ of the data minus that of the chains, in nats, without terms
    u(s) that no parameter is in: its derivative, with the states held fixed, is the estimate. It is
    no likelihood, may be negative and may well rise while the model improves.

    Bias: with few steps the chains stay near the data, so modes of the model far from any data are
    not seen and keep their probability. More steps have less bias.

    Args:
        rbm: the RBM to train, held as a submodule.
        steps: Gibbs steps of the chains.
        sampled_hidden: use sampled hidden states instead of their means in both phases.
        mean_visible: use the means of the visible units in the chain instead of samples.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).
    """

    def __init__(
        self,
        rbm: RBM,
        steps: int = 1,
        *,
        sampled_hidden: bool = False,
        mean_visible: bool = False,
        centered: bool = False,
        validate: bool = True,
    ) -> None:
        super().__init__(
            rbm,
            sampled_hidden=sampled_hidden,
            mean_visible=mean_visible,
            centered=centered,
            validate=validate,
        )
        self.steps = check_count(type(self).__name__, "steps", steps, 0)

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        return ", ".join(filter(None, [f"steps={self.steps}", super().extra_repr()]))

    def estimate(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss, its gradients, and the chains, one for each row of ``data``."""
        return self._estimate(data, data, self.steps, generator, observed)


class PersistentContrastiveDivergence(ContrastiveDivergence):
    """PCD-k (Tieleman 2008): the chains of the negative phase go on from batch to batch.

    The chains are a buffer of this module, so they go into its ``state_dict``; they move in
    training mode and stand still in evaluation mode. They start as samples of the model
    that has the visible biases but no weights.

    Bias: the chains follow a model that moves; with a large learning rate they lag behind it.

    Args:
        rbm: the RBM to train, held as a submodule.
        chains: number of chains, independent of the batch size.
        steps: Gibbs steps of the chains per call.
        sampled_hidden: use sampled hidden states instead of their means in both phases.
        mean_visible: use the means of the visible units in the chain instead of samples.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).
    """

    chain_dims: ClassVar[dict[str, int] | None] = {"chain": 0}
    chain: Tensor

    def __init__(
        self,
        rbm: RBM,
        chains: int = 100,
        steps: int = 1,
        *,
        sampled_hidden: bool = False,
        mean_visible: bool = False,
        centered: bool = False,
        validate: bool = True,
    ) -> None:
        super().__init__(
            rbm,
            steps,
            sampled_hidden=sampled_hidden,
            mean_visible=mean_visible,
            centered=centered,
            validate=validate,
        )
        chains = check_count(type(self).__name__, "chains", chains, 1)
        self.register_buffer("chain", rbm.weight.new_zeros(chains, rbm.weight.shape[1]))
        self.reset_chain()

    @torch.no_grad()
    def reset_chain(self, generator: torch.Generator | None = None) -> None:
        """Draw every chain anew, from the model with its visible biases and W = 0."""
        self.chain.copy_(independent_chains(self.rbm, len(self.chain), generator))

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        return f"chains={len(self.chain)}, {super().extra_repr()}"

    def estimate(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss, its gradients, and the chains, which go on from here in training."""
        estimate = self._estimate(data, self.chain, self.steps, generator, observed)
        if self.training:
            self.chain.copy_(estimate.chain)
        return estimate


class MeanFieldContrastiveDivergence(ContrastiveDivergence):
    """Mean-field CD-k (Welling and Hinton 2002): chains of means, without any random number.

    The chains start at the data and pass means instead of samples in both directions, v ← E[v | h],
    h ← E[h | v]; the negative phase has the statistics of where they arrive.

    Bias: that of CD-k, and that of a factorised distribution in place of the model's: pairs of
    units are taken as independent. Cheap and without noise, and the worst likelihood of all.

    Args:
        rbm: the RBM to train, held as a submodule.
        steps: steps of the chains.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).
    """

    def __init__(
        self, rbm: RBM, steps: int = 1, *, centered: bool = False, validate: bool = True
    ) -> None:
        super().__init__(rbm, steps, centered=centered, validate=validate)

    def estimate(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss, its gradients, and the means that the chains have come to.

        ``generator`` is not used; it is there so that every loss is called alike.
        """
        self._check(data, observed)
        check_dense(type(self).__name__, "data", data)
        chain = data.detach().to(self.rbm.weight.dtype)
        with torch.no_grad():
            for step in range(self.steps + 1):
                if observed is not None:
                    chain = torch.where(observed, chain, torch.zeros_like(chain))
                if step < self.steps:
                    chain = self.rbm.visible_mean(self.rbm.hidden_mean(chain))
        return self._estimate(data, chain, 0, generator, observed)
