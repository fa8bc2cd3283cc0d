"""Chain diagnostics against processes whose autocorrelation is known."""

import math

import pytest
import torch

import torch_rbm
from tests.enumeration import Model
from tests.test_losses import rbm_of


def autoregressive(steps: int, chains: int, a: float) -> torch.Tensor:
    """x' = a x + noise, of unit variance: ρ(t) = aᵗ, so that the time is (1 + a) / (1 - a)."""
    x = torch.randn(chains, dtype=torch.float64)
    out = []
    for _ in range(steps):
        x = a * x + math.sqrt(1 - a * a) * torch.randn(chains, dtype=torch.float64)
        out.append(x)
    return torch.stack(out)


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9])
def test_autocorrelation_time(a):
    values = autoregressive(4000, 50, a)
    expected = (1 + a) / (1 - a)
    # Sokal's error: time · sqrt(2 (2M + 1) / n), M the window.
    error = expected * math.sqrt(2 * (2 * 5 * expected + 1) / values.numel())
    assert abs(torch_rbm.autocorrelation_time(values) - expected) < 5 * error + 0.01 * expected
    size = torch_rbm.effective_sample_size(values)
    assert size == pytest.approx(values.numel() / max(expected, 1), rel=0.1)


def test_chains_that_do_not_move():
    still = torch.randn(1, 20).expand(500, 20)
    assert torch_rbm.autocorrelation_time(still) == 500
    assert torch_rbm.autocorrelation_time(torch.ones(500, 20)) == math.inf
    with pytest.raises(ValueError, match=r"two or more steps, got \[1, 3\]"):
        torch_rbm.autocorrelation_time(torch.ones(1, 3))


def test_samples_of_the_model_do_not_lag_and_others_do():
    model = Model.random(10, 6, seed=1)
    rbm = rbm_of(model)
    report = torch_rbm.diagnose_chains(rbm, model.sample(2000), steps=60)
    assert abs(report.lag) < 5 * report.lag_error
    assert report.effective_sample_size > 2000
    assert 0 < report.acceptance < 1
    behind = torch_rbm.diagnose_chains(rbm, torch.randint(2, (2000, 10)).double(), steps=60)
    p = torch.full((1024,), 1 / 1024, dtype=torch.float64)
    free = -(-model.energies()).logsumexp(1)
    exact = (p - model.probabilities()) @ free
    assert abs(behind.lag - exact) < 5 * behind.lag_error
    assert "lag" in str(behind)


def test_a_training_that_its_chains_cannot_follow_is_told():
    data = torch.cat([torch.zeros(100, 100), torch.ones(100, 100)])
    rbm = torch_rbm.RBM(100, 50)
    with pytest.warns(UserWarning, match="nats behind the model after epoch"):
        torch_rbm.fit(
            rbm,
            data,
            epochs=30,
            batch_size=100,
            optimizer=lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
            progress=False,
        )
