"""The exact likelihood of small models as a loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm.centering import Centering
from torch_rbm.losses.estimate import centered_loss
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_rbm


class ExactLikelihood(nn.Module):
    """The exact mean negative log-likelihood ⟨F(v)⟩ + log Z of a small RBM, in nats.

    Both phases are exact: log Z and its gradient come from an enumeration of the smaller layer, of
    at most 25 units, in every call. The judge of the other losses, and a way to train models of up
    to some fifteen hidden units without any sampling.

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
        precision = rbm.visible_log_precision
        parameters = [rbm.weight, rbm.visible_bias, rbm.hidden_bias]
        parameters += [] if precision is None else [precision]
        weight, visible_bias, hidden_bias, *rest = torch.autograd.grad(likelihood, parameters)
        precision_term = (
            likelihood.new_zeros(()) if precision is None else torch.dot(precision, rest[0])
        )
        gradients = (weight, visible_bias, hidden_bias)
        if self.training:
            self.centering.update(rbm, data, gradients)
        loss, _ = centered_loss(likelihood, rbm, self.centering, gradients, precision_term)
        return loss
