"""What all losses share: how an estimate of the gradient becomes a loss, and how chains start."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from torch_rbm import ops
from torch_rbm.centering import Centering, Gradients, all_learn
from torch_rbm.distributed import LocalChains, random_source
from torch_rbm.rbm import RBM
from torch_rbm.validation import as_rows, check_rbm


class GradientEstimate(NamedTuple):
    """A loss, the gradients that its backward() leaves, and the chains it used."""

    loss: Tensor
    gradients: Gradients
    chain: Tensor


class SampledLoss(LocalChains):
    """A loss whose negative phase comes from chains.

    Args:
        rbm: the RBM to train, held as a submodule.
        sampled_hidden: use sampled hidden states instead of their means in both phases.
        mean_visible: use the means of the visible units in the chain instead of samples.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).
    """

    # See distributed.losses_with_chains.
    chain_dims: ClassVar[dict[str, int] | None] = {}

    def __init__(
        self,
        rbm: RBM,
        *,
        sampled_hidden: bool = False,
        mean_visible: bool = False,
        centered: bool = False,
        validate: bool = True,
    ) -> None:
        super().__init__()
        check_rbm(type(self).__name__, rbm)
        self.rbm = rbm
        self.sampled_hidden = sampled_hidden
        self.mean_visible = mean_visible
        self.centering = Centering(rbm) if centered else None
        self.validate = validate

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Let the steps of an optimizer be centred ones: see :meth:`torch_rbm.Centering.attach`."""
        if self.centering is not None:
            self.centering.attach(optimizer, self.rbm)

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        options = {
            "sampled_hidden": self.sampled_hidden,
            "mean_visible": self.mean_visible,
            "centered": self.centering is not None,
        }
        return ", ".join(f"{name}=True" for name, value in options.items() if value)

    def estimate(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss of ``data`` with its gradients and the chains of its negative phase."""
        raise NotImplementedError

    def forward(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> Tensor:
        """Return the energy gap, a scalar.

        Args:
            data: [..., visible].
            generator: source of random numbers; the default generator when None.
            observed: bool, broadcastable to ``data``: where false, the value is missing, and its
                unit is no part of the model of that row. Losses with chains of their own, which
                are of the whole model, take a mask [visible]; with missing values in other places
                from row to row, :class:`ContrastiveDivergence` is the estimate.
        """
        return self.estimate(data, generator, observed).loss

    @property
    def is_direct(self) -> bool:
        """Whether :meth:`leave_gradients` may take the place of forward() and backward().

        Not where parameters are computed from others or learned precisions have gradients of their
        own, nor where hooks or a class of its own make more of the loss.
        """
        parameters = list(self.rbm.parameters())
        return (
            type(self).forward is SampledLoss.forward
            and not (self._forward_pre_hooks or self._forward_hooks)
            and len(parameters) == len(_parameters(self.rbm))
            and all_learn(self.rbm)
        )

    @torch.no_grad()
    def leave_gradients(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> Tensor:
        """Do what forward() and backward() do, in less time: autograd has nothing to find out.

        Args:
            data: see :meth:`forward`.
            generator: likewise.
            observed: likewise.

        Returns:
            The energy gap, a scalar without a graph.
        """
        loss, gradients, _ = self.estimate(data, generator, observed)
        for parameter, gradient in zip(_parameters(self.rbm), gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        return loss

    def _check(self, data: Tensor, observed: Tensor | None) -> None:
        if self.validate and not torch.compiler.is_compiling():
            layer = self.rbm.visible_layer()
            layer.check(type(self).__name__, "data", data, observed=observed)

    def _estimate(
        self,
        data: Tensor,
        chain: Tensor,
        steps: int,
        generator: torch.Generator | None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss of ``data`` with a negative phase ``steps`` steps from ``chain``."""
        rbm = self.rbm
        self._check(data, observed)
        estimate = ops.contrastive_divergence_with_means(
            data,
            chain,
            rbm.weight,
            rbm.visible_bias,
            rbm.hidden_bias,
            steps,
            **rbm.unit_options(),
            observed=observed,
            sampled_hidden=self.sampled_hidden,
            mean_visible=self.mean_visible,
            **random_source(generator, rbm.weight),
        )
        *_, visible_mean, hidden_mean, moved = estimate
        gradients = estimate[:3]
        # The energy is linear in the parameters: this sum is what they have in the energy gap.
        precision_term = _precision_term(rbm, data, moved, observed)
        if self.centering is None:
            gap = linear(_parameters(rbm), gradients) + precision_term
            return GradientEstimate(gap, gradients, moved)
        if self.training and data.numel() > 0:
            if observed is not None:  # a missing value is taken to be the offset of its unit
                missing = as_rows(observed.logical_not().expand(data.shape)).to(visible_mean)
                visible_mean = visible_mean + missing.mean(0) * self.centering.visible_offset
            self.centering.update(visible_mean, hidden_mean, gradients)
        with torch.no_grad():
            gap = linear(_parameters(rbm), gradients) + precision_term
        loss, gradients = centered_loss(gap, rbm, self.centering, gradients, precision_term)
        return GradientEstimate(loss, gradients, moved)


def linear(parameters: Gradients, gradients: Gradients) -> Tensor:
    """Return Σ parameter · gradient, a scalar whose backward() leaves these gradients."""
    weight, visible_bias, hidden_bias = (
        torch.dot(parameter.reshape(-1), gradient.reshape(-1))
        for parameter, gradient in zip(parameters, gradients, strict=True)
    )
    return weight + visible_bias + hidden_bias


def _parameters(rbm: RBM) -> Gradients:
    return rbm.weight, rbm.visible_bias, rbm.hidden_bias


def centered_loss(
    value: Tensor, rbm: RBM, centering: Centering, gradients: Gradients, precision_term: Tensor
) -> tuple[Tensor, Gradients]:
    """Return ``value`` as a scalar whose backward() leaves the centred gradients, and these.

    Those of the precisions, which centring leaves alone, are left by ``precision_term``.
    """
    centered = centering(gradients)
    if not torch.is_grad_enabled():
        return value, centered
    step = linear(_parameters(rbm), centered) + precision_term
    return value.detach() + (step - step.detach()), centered


@torch.no_grad()
def independent_chains(rbm: RBM, chains: int, generator: torch.Generator | None = None) -> Tensor:
    """Samples [chains, visible] of the model that has the visible biases but no weights."""
    nothing = rbm.weight.new_zeros(chains, len(rbm.hidden_bias))
    return ops.sample_visible(
        nothing,
        rbm.weight,
        rbm.visible_bias,
        visible_units=rbm.visible_units,
        visible_precision=rbm.visible_precision(),
        **random_source(generator, rbm.weight),
    )


def _precision_term(rbm: RBM, data: Tensor, chain: Tensor, observed: Tensor | None) -> Tensor:
    """Return the gap of Σ γv²/2 where precisions are learned: 0 in expectation at the optimum."""
    precision = rbm.visible_precision()
    if precision is None:
        return rbm.weight.new_zeros(())

    def second_moment(states: Tensor) -> Tensor:
        if observed is not None:
            states = torch.where(observed, states, torch.zeros_like(states))
        return as_rows(states).to(precision.dtype).square().mean(0)

    return torch.dot(precision, (second_moment(data) - second_moment(chain)) / 2)
