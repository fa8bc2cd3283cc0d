"""Cheap quantities to watch while training; none of them is the likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_rbm.evaluation import mean_free_energy
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_dense, check_rbm


@torch.no_grad()
def reconstruction_error(rbm: RBM, visible: Tensor) -> Tensor:
    """Squared error Σⱼ (vⱼ − v′ⱼ)² of the mean-field reconstruction, one value per row.

    v′ = E[v | E[h | v]]. It shows that something is learned at all, early in training; it is not
    the objective, and may fall while the likelihood falls (Fischer and Igel 2010).

    Args:
        rbm: the model.
        visible: states or means of them, [..., visible].

    Returns:
        [...], in the dtype of the model.
    """
    check_rbm("reconstruction_error", rbm)
    rbm.visible_layer().check("reconstruction_error", "visible", visible)
    check_dense("reconstruction_error", "visible", visible)
    states = visible.to(rbm.weight.dtype)
    return (states - rbm.visible_mean(rbm.hidden_mean(states))).square().sum(-1)


def free_energy_gap(rbm: RBM, training: Tensor, validation: Tensor) -> float:
    """Mean free energy of validation data minus that of training data, in nats (Hinton 2010).

    log Z cancels: the gap is how much likelier the training data are, and a gap that grows is
    overfitting. It says nothing of how good the model is.

    Args:
        rbm: the model.
        training: [cases, visible]; as many cases as there are of the other are enough.
        validation: [cases, visible].
    """
    check_rbm("free_energy_gap", rbm)
    for name, data in (("training", training), ("validation", validation)):
        rbm.visible_layer().check("free_energy_gap", name, data)
        if data.numel() == 0:
            raise ValueError(f"free_energy_gap: expected cases in {name}, got {list(data.shape)}")
    return mean_free_energy(rbm, validation) - mean_free_energy(rbm, training)
