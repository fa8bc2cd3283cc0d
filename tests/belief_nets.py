"""Deep belief nets whose distribution is summed over all states."""

import pytest
import torch

import torch_rbm
from tests.enumeration import all_states

NETS = {
    "tied": {},
    "untied": {"tied": False},
    "labelled": {"classes": 3},
    "labelled and untied": {"classes": 3, "tied": False},
}
nets = pytest.mark.parametrize("options", NETS.values(), ids=NETS)


def conditional(states, means):
    """Probabilities of Bernoulli states, [rows of means, states]."""
    states, means = states[None], means[:, None].double()
    return torch.where(states == 1, means, 1 - means).prod(-1)


def strong(sizes, *, scale=1.0, **options):
    """A net whose weights are far from 0, in float64."""
    torch.manual_seed(5)
    dbn = torch_rbm.DBN(sizes, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in dbn.parameters():
            parameter.normal_(std=scale)
    return dbn


@torch.no_grad()
def distribution(dbn, label=None):
    """p(v) of a net with two layers of RBMs, or p(v | label), by enumeration, [2^visible]."""
    bottom, top = dbn.layers
    middle = all_states(bottom.weight.shape[0])
    if dbn.classes == 0:
        log_p = -top.free_energy(middle)
    elif label is None:
        log_p = -top.data_free_energy(middle)
    else:
        log_p = -top.free_energy(top.joint(middle, torch.full((len(middle),), label)))
    visible = all_states(bottom.weight.shape[1])
    return log_p.softmax(0) @ conditional(visible, bottom.visible_mean(middle))
