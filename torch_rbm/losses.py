"""Training losses: modules whose backward() leaves an estimate of the likelihood's gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm import ops
from torch_rbm.centering import Centering, Gradients
from torch_rbm.rbm import RBM
from torch_rbm.validation import as_rows, check_count, check_rbm


def _linear(rbm: RBM, gradients: Gradients) -> Tensor:
    """Return Σ parameter · gradient, a scalar whose backward() leaves these gradients."""
    weight, visible_bias, hidden_bias = gradients
    return (
        (rbm.weight * weight).sum()
        + torch.dot(rbm.visible_bias, visible_bias)
        + torch.dot(rbm.hidden_bias, hidden_bias)
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


def _centered(
    value: Tensor, rbm: RBM, centering: Centering, gradients: Gradients, precision_term: Tensor
) -> Tensor:
    """Return ``value`` as a scalar whose backward() leaves the centred gradients.

    Those of the precisions, which centring leaves alone, are left by ``precision_term``.
    """
    linear = _linear(rbm, centering(gradients)) + precision_term
    return value.detach() + (linear - linear.detach())


class ContrastiveDivergence(nn.Module):
    """CD-k (Hinton 2002): the chains of the negative phase start at the data of each batch.

    ``loss(data).backward()`` adds the estimate of the gradient of the mean negative log-likelihood
    to ``.grad`` of the RBM's parameters; no graph is built through the chain. The value of the loss
    is the energy gap ⟨E(v, E[h|v])⟩ of the data minus that of the chains, in nats: its derivative,
    with the states held fixed, is the estimate. It is no likelihood and may well rise while the
    model improves.

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
        super().__init__()
        check_rbm(type(self).__name__, rbm)
        self.rbm = rbm
        self.steps = check_count(type(self).__name__, "steps", steps, 0)
        self.sampled_hidden = sampled_hidden
        self.mean_visible = mean_visible
        self.centering = Centering(rbm) if centered else None
        self.validate = validate

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        return (
            f"steps={self.steps}, sampled_hidden={self.sampled_hidden}, "
            f"mean_visible={self.mean_visible}, centered={self.centering is not None}"
        )

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
                unit is no part of the model of that row.
        """
        loss, _ = self._estimate(data, data, generator, observed)
        return loss

    def _estimate(
        self,
        data: Tensor,
        chain: Tensor,
        generator: torch.Generator | None,
        observed: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the loss, and the chain after its steps."""
        rbm = self.rbm
        if self.validate and not torch.compiler.is_compiling():
            rbm.visible_layer().check(type(self).__name__, "data", data, observed=observed)
        weight, visible_bias, hidden_bias, moved = ops.contrastive_divergence(
            data,
            chain,
            rbm.weight,
            rbm.visible_bias,
            rbm.hidden_bias,
            self.steps,
            visible_units=rbm.visible_units,
            hidden_units=rbm.hidden_units,
            visible_precision=rbm.visible_precision(),
            observed=observed,
            sampled_hidden=self.sampled_hidden,
            mean_visible=self.mean_visible,
            generator=generator,
        )
        estimate = (weight, visible_bias, hidden_bias)
        # The energy is linear in the parameters: this sum is the energy gap.
        precision_term = _precision_term(rbm, data, moved, observed)
        gap = _linear(rbm, estimate) + precision_term
        if self.centering is None:
            return gap, moved
        if self.training:
            self.centering.update(rbm, data)
        return _centered(gap, rbm, self.centering, estimate, precision_term), moved


class ExactLikelihood(nn.Module):
    """The exact mean negative log-likelihood ⟨F(v)⟩ + log Z of a small RBM, in nats.

    Both phases are exact: log Z and its gradient come from an enumeration of the smaller layer, of
    at most 25 units, in every call. The judge of the other losses, and a way to train models of up
    to some fifteen hidden units without any sampling.

    Args:
        rbm: the RBM to train, held as a submodule.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).
    """

    def __init__(self, rbm: RBM, *, centered: bool = False, validate: bool = True) -> None:
        super().__init__()
        check_rbm("ExactLikelihood", rbm)
        self.rbm = rbm
        self.centering = Centering(rbm) if centered else None
        self.validate = validate

    def forward(self, data: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the negative log-likelihood of ``data`` [..., visible], a float64 scalar.

        ``generator`` is not used; it is there so that every loss is called alike.
        """
        rbm = self.rbm
        if self.validate and not torch.compiler.is_compiling():
            rbm.visible_layer().check("ExactLikelihood", "data", data)
        likelihood = rbm.free_energy(data).double().mean() + rbm.log_partition()
        if self.centering is None or not torch.is_grad_enabled():
            return likelihood
        if self.training:
            self.centering.update(rbm, data)
        precision = rbm.visible_log_precision
        parameters = [rbm.weight, rbm.visible_bias, rbm.hidden_bias]
        parameters += [] if precision is None else [precision]
        weight, visible_bias, hidden_bias, *rest = torch.autograd.grad(likelihood, parameters)
        precision_term = (
            likelihood.new_zeros(()) if precision is None else torch.dot(precision, rest[0])
        )
        gradients = (weight, visible_bias, hidden_bias)
        return _centered(likelihood, rbm, self.centering, gradients, precision_term)


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
        chains = check_count("PersistentContrastiveDivergence", "chains", chains, 1)
        self.register_buffer("chain", rbm.weight.new_zeros(chains, rbm.weight.shape[1]))
        self.reset_chain()

    @torch.no_grad()
    def reset_chain(self, generator: torch.Generator | None = None) -> None:
        """Draw every chain anew, from the model with its visible biases and W = 0."""
        hidden = self.chain.new_zeros(len(self.chain), len(self.rbm.hidden_bias))
        self.chain.copy_(self.rbm.sample_visible(hidden, generator))

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        return f"chains={len(self.chain)}, {super().extra_repr()}"

    def forward(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> Tensor:
        """Return the energy gap, a scalar, for ``data`` of shape [..., visible].

        The chains are of the whole model: with missing values, in other places from row to row,
        :class:`ContrastiveDivergence` is the estimate. ``observed`` may be a mask [visible].
        """
        loss, moved = self._estimate(data, self.chain, generator, observed)
        if self.training:
            self.chain.copy_(moved)
        return loss
