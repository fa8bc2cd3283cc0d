"""The exact likelihood of small models as a loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm import ops
from torch_rbm.centering import Centering, Gradients
from torch_rbm.losses.estimate import centered_loss
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_rbm


class ExactLikelihood(nn.Module):
    """The exact mean negative log-likelihood ⟨F(v)⟩ + log Z of a small RBM, in nats.

    Both phases are exact: log Z and its gradient come from an enumeration of the smaller layer, of
    at most 2^25 states, or a closed form for gaussian units, in every call. The judge of the other
    losses, and a way to train models of up to some fifteen hidden units without any sampling.

    Bias: none, and no variance but that of the batch.

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

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Let the steps of an optimizer be centred ones: see :meth:`torch_rbm.Centering.attach`."""
        if self.centering is not None:
            self.centering.attach(optimizer, self.rbm)

    def forward(self, data: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the negative log-likelihood of ``data`` [..., visible], a float64 scalar.

        ``generator`` is not used; it is there so that every loss is called alike.
        """
        rbm = self.rbm
        if self.validate and not torch.compiler.is_compiling():
            rbm.visible_layer().check("ExactLikelihood", "data", data)
        if self.centering is None or not torch.is_grad_enabled():
            return rbm.free_energy(data).double().mean() + rbm.log_partition()
        with torch.no_grad():
            log_z, *model = rbm.moments()
            gradients, visible_mean, hidden_mean = self._gradients_and_means(data, model)
        if self.training and data.numel() > 0:
            self.centering.update(visible_mean, hidden_mean, gradients)
        if rbm.visible_log_precision is None:
            with torch.no_grad():
                value = rbm.free_energy(data).double().mean() + log_z
            precision_term = torch.zeros_like(value)
        else:
            value = precision_term = self._of_precisions(data)
        loss, _ = centered_loss(value, rbm, self.centering, gradients, precision_term)
        return loss

    def _gradients_and_means(
        self, data: Tensor, model: list[Tensor]
    ) -> tuple[Gradients, Tensor, Tensor]:
        """The gradients for weight and biases, from the moments of the model; ⟨v⟩, ⟨h⟩ of data."""
        rbm = self.rbm
        no_chain = rbm.weight.new_zeros(0, rbm.weight.shape[1])
        positive = ops.contrastive_divergence_with_means(
            data,
            no_chain,
            rbm.weight,
            rbm.visible_bias,
            rbm.hidden_bias,
            0,
            **rbm.unit_options(),
        )
        weight, visible_bias, hidden_bias = (
            negative.to(gradient.dtype) + gradient
            for negative, gradient in zip(model, positive[:3], strict=True)
        )
        return (weight, visible_bias, hidden_bias), positive[3], positive[4]

    def _of_precisions(self, data: Tensor) -> Tensor:
        """The negative log-likelihood, differentiable for the precisions alone."""
        rbm = self.rbm
        fixed = rbm.weight.detach(), rbm.visible_bias.detach(), rbm.hidden_bias.detach()
        energies = ops.free_energy(data, *fixed, **rbm.unit_options())
        return energies.double().mean() + ops.log_partition(*fixed, **rbm.unit_options())
