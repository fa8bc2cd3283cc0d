"""How weights, hidden units and free energies are distributed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torch_rbm.plotting.axes import given_or_new
from torch_rbm.rbm import RBM

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def weights(rbm: RBM, *, bins: int = 100, ax: Axes | None = None) -> Axes:
    """Draw a histogram of the weights, on a logarithmic scale.

    A few weights much larger than the rest are what learning rates that are too high leave behind
    (Hinton 2010, section 15).
    """
    ax = given_or_new(ax)
    ax.hist(rbm.weight.detach().float().flatten().numpy(), bins=bins, log=True)
    ax.set_xlabel("weight")
    ax.set_ylabel("number")
    return ax


@torch.no_grad()
def activities(rbm: RBM, data: Tensor, *, bins: int = 50, ax: Axes | None = None) -> Axes:
    """Draw a histogram of the mean activity of each hidden unit over data, [cases, visible].

    Units at 0 or at 1 say nothing about the data: they are dead, or part of the biases.
    """
    ax = given_or_new(ax)
    ax.hist(rbm.hidden_mean(data.to(rbm.weight)).mean(0).float().numpy(), bins=bins)
    ax.set_xlabel("mean activity")
    ax.set_ylabel("hidden units")
    return ax


@torch.no_grad()
def free_energies(
    rbm: RBM, data: Mapping[str, Tensor], *, bins: int = 60, ax: Axes | None = None
) -> Axes:
    """Draw the distribution of the free energy of several sets of data.

    Validation data whose free energies lie above those of training data: the model overfits
    (Hinton 2010, section 6). Anomalies are what lies far above both.

    Args:
        rbm: the RBM.
        data: by name, each [cases, visible].
        bins: of all of them together.
        ax: where to draw; a new figure when None.
    """
    ax = given_or_new(ax)
    found = {name: rbm.free_energy(rows.to(rbm.weight)).float() for name, rows in data.items()}
    every = torch.cat(list(found.values()))
    edges = torch.linspace(every.min().item(), every.max().item(), bins + 1).tolist()
    for name, values in found.items():
        ax.hist(values.numpy(), bins=edges, density=True, histtype="step", label=name)
    ax.set_xlabel("free energy, nats")
    ax.set_ylabel("density")
    ax.legend()
    return ax
