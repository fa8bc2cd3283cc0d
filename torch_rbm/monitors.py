"""Cheap quantities to watch while training; none of them is the likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_rbm.evaluation import mean_free_energy
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_binary_range, check_binary_states, check_rbm

# Fields of flipped states that are held at a time.
_ELEMENTS = 2**22


@torch.no_grad()
def pseudo_log_likelihood(
    rbm: RBM,
    visible: Tensor,
    *,
    stochastic: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Σⱼ log p(vⱼ | all other units) in nats, one value per row (Besag 1975).

    Needs no partition function, and its maximum over models is where the likelihood's is; but it
    only asks whether each unit fits its neighbours, so a model with the wrong weights between
    distant modes scores well. Compare it between epochs of one model, not between models.

    Args:
        rbm: the model.
        visible: states 0 and 1, [..., visible].
        stochastic: flip one random unit of each row and multiply by the number of units: the same
            expectation with much variance, ``visible`` times cheaper.
        generator: chooses the units; the default generator when None.

    Returns:
        [...], float64 for a float64 model, else float32.
    """
    where = "pseudo_log_likelihood"
    check_rbm(where, rbm)
    units = rbm.weight.shape[1]
    rows = check_binary_states(where, "visible", visible, units).to(rbm.weight.dtype)
    if stochastic and units > 0:
        unit = torch.randint(units, (len(rows), 1), generator=generator, device=rows.device)
        flipped = rows.scatter(1, unit, 1 - rows.gather(1, unit))
        gap = rbm.free_energy(flipped) - rbm.free_energy(rows)
        values = units * torch.nn.functional.logsigmoid(gap)
    else:
        size = max(_ELEMENTS // max(units * units, 1), 1)
        everywhere = torch.eye(units, dtype=torch.bool, device=rows.device)
        parts = [rows.new_zeros(0, dtype=rbm.free_energy(rows[:0]).dtype)]
        for part in torch.split(rows, size):
            flipped = torch.where(everywhere, 1 - part.unsqueeze(1), part.unsqueeze(1))
            gap = rbm.free_energy(flipped) - rbm.free_energy(part).unsqueeze(1)
            parts.append(torch.nn.functional.logsigmoid(gap).sum(1))
        values = torch.cat(parts)
    return values.reshape(visible.shape[:-1])


@torch.no_grad()
def reconstruction_error(rbm: RBM, visible: Tensor) -> Tensor:
    """Squared error Σⱼ (vⱼ − v′ⱼ)² of the mean-field reconstruction, one value per row.

    v′ = E[v | E[h | v]]. It shows that something is learned at all, early in training; it is not
    the objective, and may fall while the likelihood falls (Fischer and Igel 2010).

    Args:
        rbm: the model.
        visible: states or probabilities in [0, 1], [..., visible].

    Returns:
        [...], in the dtype of the model.
    """
    check_rbm("reconstruction_error", rbm)
    check_binary_range("reconstruction_error", "visible", visible)
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
        check_binary_range("free_energy_gap", name, data)
        if data.numel() == 0:
            raise ValueError(f"free_energy_gap: expected cases in {name}, got {list(data.shape)}")
    return mean_free_energy(rbm, validation) - mean_free_energy(rbm, training)
