"""The learning rates of `fit`: those that units get where nobody says which."""

import functools
import math

import pytest
import torch

import torch_rbm
from tests.short_training import fitted
from torch_rbm.training.factories import default_optimizer, parameter_groups

HELD = functools.partial(torch_rbm.linear_decay, hold=1.0)


@pytest.mark.parametrize(
    ("visible", "hidden", "rate"),
    [
        ("bernoulli", "bernoulli", 0.2),
        ("categorical(2)", "spin", 0.2),
        ("gaussian:6, categorical(2):4", "bernoulli", 0.2),
        ("gaussian:7, relu:2, bernoulli:1", "bernoulli", 0.5 / 3),
        ("bernoulli", "spin:2, relu:3", 0.5 / math.sqrt(10)),
        ("gaussian", "gaussian", 0.5 / math.sqrt(10)),
    ],
)
def test_they_suit_the_units(visible, hidden, rate):
    rbm = torch_rbm.RBM(10, 5, visible_units=visible, hidden_units=hidden)
    data = torch.tensor([[1.0, 0.0] * 5] * 20)
    _, history = fitted(data, rbm, epochs=1, scheduler=HELD)
    assert history.epochs[0].learning_rate == pytest.approx(rate)


@pytest.mark.parametrize("decay", [0.0, 1e-3])
def test_precisions_have_one_of_their_own(decay):
    rbm = torch_rbm.RBM(4, 3, visible_units="gaussian", learn_precision=True)
    groups = default_optimizer(rbm)(parameter_groups(rbm, decay)).param_groups
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in groups
        for parameter in group["params"]
    }
    assert sum(len(group["params"]) for group in groups) == len(found) == 4
    assert found[id(rbm.weight)] == (0.2, decay)
    assert found[id(rbm.visible_bias)] == found[id(rbm.hidden_bias)] == (0.2, 0.0)
    assert found[id(rbm.visible_log_precision)] == (0.01, 0.0)
    (low,) = {group["lr"] for group in default_optimizer(rbm, 1e-3)(rbm.parameters()).param_groups}
    assert low == 1e-3


def test_outliers_do_no_harm():
    """Of five logarithmically normal columns one case is tens of deviations away."""
    generator = torch.Generator().manual_seed(5)
    factors = torch.randn(1000, 4, generator=generator) @ torch.randn(4, 5, generator=generator)
    data = (factors + torch.randn(1000, 5, generator=generator)).exp()
    data = (data - data.mean(0)) / data.std(0)
    assert data.max() > 20
    rbm = torch_rbm.RBM(5, 5, visible_units="gaussian", learn_precision=True)
    torch_rbm.initialize(rbm, data)
    before = torch_rbm.log_likelihood(rbm, data).value
    fitted(data, rbm, epochs=5, batch_size=None)
    assert torch_rbm.log_likelihood(rbm, data).value > before - 0.05


def test_binary_columns_beside_real_ones_are_learned():
    """Four columns of 0 and 1, twice two that are equal in nine cases of ten, and two real ones."""
    torch.manual_seed(0)
    first = torch.rand(1000, 2) < 0.5
    second = first ^ (torch.rand(1000, 2) < 0.1)
    data = torch.cat([torch.randn(1000, 2), first, second], dim=1)
    rbm = torch_rbm.RBM(6, 6, visible_units="gaussian:2, bernoulli:4", learn_precision=True)
    torch_rbm.initialize(rbm, data)
    before = torch_rbm.log_likelihood(rbm, data).value
    fitted(data, rbm, epochs=None, batch_size=None)
    # log 2 − H(0.1) for each pair
    to_learn = 2 * (math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9))
    assert torch_rbm.log_likelihood(rbm, data).value > before + 0.8 * to_learn
