"""AIS against exact partition functions, in both directions."""

import math

import pytest
import torch

from tests.enumeration import Model, all_states
from torch_rbm import ops

CHAINS = 100


def base_log_z(model: Model, base: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.softplus(base).sum() + len(model.hidden_bias) * math.log(2)


def log_mean(log_weight: torch.Tensor) -> torch.Tensor:
    return log_weight.logsumexp(0) - math.log(len(log_weight))


def forward(model: Model, base: torch.Tensor, betas: torch.Tensor, chains: int = CHAINS):
    start = torch.bernoulli(torch.sigmoid(base).expand(chains, -1))
    return ops.annealed_importance_sampling(start, *model.parameters, base, betas)


def reverse(model: Model, base: torch.Tensor, betas: torch.Tensor, chains: int = CHAINS):
    start = model.sample(chains)
    return ops.annealed_importance_sampling(start, *model.parameters, base, betas.flip(0))


def schedule(count: int) -> torch.Tensor:
    return torch.linspace(0, 1, count, dtype=torch.float64)


@pytest.mark.parametrize(("count", "tolerance"), [(100, 0.5), (1000, 0.05), (10_000, 0.005)])
def test_both_directions_reach_log_z(count, tolerance):
    model = Model.random(10, 6, seed=2, scale=0.7)
    base = 0.5 * model.visible_bias
    exact = model.log_z()
    estimate = base_log_z(model, base) + log_mean(forward(model, base, schedule(count))[0])
    assert abs(estimate - exact) < tolerance
    estimate = base_log_z(model, base) - log_mean(reverse(model, base, schedule(count))[0])
    assert abs(estimate - exact) < tolerance


def test_weights_are_unbiased_on_a_short_path():
    """E[w] = Z / Z₀ in either direction, with the few steps that make weights vary much."""
    model = Model.random(6, 4, seed=3)
    base = torch.zeros(6, dtype=torch.float64)
    ratio = model.log_z() - base_log_z(model, base)
    for direction, sign in [(forward, 1), (reverse, -1)]:
        log_weight, _ = direction(model, base, schedule(4), chains=100_000)
        relative = (log_weight - sign * ratio).exp()
        error = relative.std() / len(relative) ** 0.5
        assert abs(relative.mean() - 1) < 5 * error
        assert error < 0.05


def test_weighted_states_are_samples_of_the_model():
    model = Model.random(6, 4, seed=3)
    base = torch.zeros(6, dtype=torch.float64)
    log_weight, states = forward(model, base, schedule(50), chains=50_000)
    weights = log_weight.softmax(0)
    mean = weights @ states
    exact = model.probabilities() @ all_states(6)
    effective = 1 / (weights**2).sum()
    assert ((mean - exact).abs() < 5 * (exact * (1 - exact) / effective).sqrt()).all()


def test_a_model_equal_to_its_base_has_no_weights_to_speak_of():
    model = Model.random(6, 4)
    model.weight.zero_()
    model.hidden_bias.zero_()
    log_weight, _ = forward(model, model.visible_bias, schedule(10))
    torch.testing.assert_close(log_weight, torch.zeros(CHAINS, dtype=torch.float64))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"betas": torch.linspace(0, 1, 5)}, TypeError, "betas of dtype torch.float64"),
        ({"betas": schedule(1)}, ValueError, r"betas of shape \[2 or more\]"),
        ({"base": torch.zeros(4)}, ValueError, r"base_visible_bias of shape \[6\]"),
        ({"chain": torch.zeros(3, 5)}, ValueError, r"chain of shape \[\.\.\., 6\]"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"chain": torch.zeros(3, 6), "base": torch.zeros(6), "betas": schedule(5)} | change
    with pytest.raises(error, match=f"annealed_importance_sampling: expected {message}"):
        ops.annealed_importance_sampling(
            arguments["chain"],
            *(torch.zeros(4, 6), torch.zeros(6), torch.zeros(4)),
            arguments["base"],
            arguments["betas"],
        )
