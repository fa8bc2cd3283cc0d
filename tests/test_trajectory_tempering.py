"""Exchange with a frozen earlier model: equilibrium, log Z, and steps taken back."""

import functools
import math

import pytest
import torch

import torch_rbm
from tests.enumeration import Model, all_states, total_variation
from tests.test_losses import rbm_of
from torch_rbm.losses.exchange import decide, exchange_times


def counts_of(states: torch.Tensor, size: int) -> torch.Tensor:
    numbers = (states @ 2 ** torch.arange(size).to(states)).long()
    return torch.bincount(numbers, minlength=2**size).double()


def plug_in_error(p: torch.Tensor, count: int) -> float:
    """An upper bound of the expected total variation of so many samples."""
    return 0.5 * (p * (1 - p) / count).sqrt().sum().item()


@pytest.mark.parametrize(
    ("rate", "updates", "action"),
    [
        (0.5, 0, "go on"),
        (0.2, 2, "freeze"),
        (0.2, 1, "take back"),
        (0.05, 5, "take back"),
        (0.3, 9, "go on"),
        (0.1, 2, "freeze"),
    ],
)
def test_decisions(rate, updates, action):
    assert decide(rate, updates, 0.3, 0.1) == action


@pytest.mark.parametrize("a", [0.3, 0.1])
def test_exchange_times_of_independent_exchanges(a):
    """C(t) = (1 - 2a)ᵗ: τ = (1 - a) / 2a, and the longest is -1 / ln(1 - 2a)."""
    accepted = torch.rand(2000, 500, generator=torch.Generator().manual_seed(1)) < a
    integrated, longest = exchange_times(accepted)
    assert integrated == pytest.approx((1 - a) / (2 * a), rel=0.05)
    assert longest == pytest.approx(-1 / math.log(1 - 2 * a), rel=0.15)


def test_exchanges_that_never_come():
    integrated, longest = exchange_times(torch.zeros(50, 10, dtype=torch.bool))
    assert max(integrated, longest) >= 50


def test_no_drift_of_chains_and_reservoir():
    """Exact samples of both models stay samples of both."""
    torch.manual_seed(1)
    base = Model.random(6, 3, seed=2, scale=0.8)
    model = Model(*(p + 0.2 * torch.randn_like(p) for p in base.parameters))
    loss = torch_rbm.TrajectoryTempering(rbm_of(model), chains=10_000, reservoir=2)
    loss._begin(None)
    for frozen, value in zip(loss._frozen(), base.parameters, strict=True):
        frozen.copy_(value)
    loss.samples.copy_(base.sample(20_000))
    loss.sample_energy.copy_(loss._energy(loss._frozen(), loss.samples))
    loss._refill()
    loss.chain.copy_(model.sample(10_000))
    present = loss._present()
    for _ in range(8):
        proposals = loss._proposals(present, None)
        loss._swap(proposals)
        loss._gibbs(present, None)
    assert 0.1 < proposals.rate < 1
    recomputed = loss._energy(loss._frozen(), loss.reservoir)
    torch.testing.assert_close(loss.reservoir_energy, recomputed)
    for states, of in [(loss.chain, model), (loss.reservoir, base)]:
        p = of.probabilities()
        assert total_variation(counts_of(states, 6), p) < 3 * plug_in_error(p, len(states))


def test_the_way_to_a_trained_model():
    """Weights as large as these are reached by freezing on the way; log Z is right there."""
    torch.manual_seed(2)
    model = Model.random(8, 4, seed=5, scale=1.5)
    loss = torch_rbm.TrajectoryTempering(rbm_of(model), chains=1000)
    loss(model.sample(10))
    assert abs(loss.log_partition() - model.log_z().item()) < 0.1
    p = model.probabilities()
    assert total_variation(counts_of(loss.chain, 8), p) < 4 * plug_in_error(p, 1000)
    data = model.sample(500)
    assert abs(loss.log_likelihood(data) - torch_rbm.log_likelihood(loss.rbm, data).value) < 0.1


def two_patterns(rows: int) -> torch.Tensor:
    patterns = torch.tensor([[0.0, 1] * 4, [1.0, 0] * 4], dtype=torch.float64)
    which = (torch.rand(rows) < 0.3).long()
    flips = torch.rand(rows, 8) < 0.1
    return torch.where(flips, 1 - patterns[which], patterns[which])


def test_training():
    torch.manual_seed(3)
    data = two_patterns(1000)
    rbm = torch_rbm.RBM(8, 4, dtype=torch.float64)
    torch_rbm.initialize(rbm, data)
    before = torch_rbm.log_likelihood(rbm, data).value
    loss = torch_rbm.TrajectoryTempering(rbm, chains=500, acceptance=0.8)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=0.05)
    loss.attach(optimizer)
    for _ in range(1000):
        optimizer.zero_grad()
        loss(data[torch.randint(1000, (100,))]).backward()
        optimizer.step()
    after = torch_rbm.log_likelihood(rbm, data).value
    assert after > before + 0.5
    assert loss.freezes >= 2
    loss(data)  # the chains of the last step
    assert abs(loss.log_likelihood(data) - after) < 0.1
    states = all_states(8)
    p = torch.softmax(-rbm.free_energy(states).detach(), 0)
    assert total_variation(counts_of(loss.chain, 8), p) < 6 * plug_in_error(p, 500)


def test_steps_that_go_too_far_are_taken_back():
    """The parameters of the frozen model return, and each time the rate is halved."""
    torch.manual_seed(4)
    data = two_patterns(500)
    rbm = torch_rbm.RBM(8, 4, dtype=torch.float64)
    torch_rbm.initialize(rbm, data)
    loss = torch_rbm.TrajectoryTempering(rbm, chains=300)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=30.0, momentum=0.9)
    loss.attach(optimizer)
    rates = []
    for _ in range(60):
        optimizer.zero_grad()
        before = loss.rejections
        loss(data).backward()
        if loss.rejections > before:
            assert rbm.weight.equal(loss.frozen_weight)
            assert not optimizer.state
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert loss.rejections > 0
    assert rates[-1] == 30.0 / 2**loss.rejections


@pytest.mark.filterwarnings("ignore:fit. the chains are")
def test_a_rate_beyond_help_is_an_error():
    data = two_patterns(200)
    rbm = torch_rbm.RBM(8, 4, dtype=torch.float64)
    with pytest.raises(FloatingPointError, match="taken back"):
        torch_rbm.fit(
            rbm,
            data,
            epochs=200,
            loss=functools.partial(torch_rbm.TrajectoryTempering, chains=100),
            optimizer=functools.partial(torch.optim.SGD, lr=1e30),
            progress=False,
        )


def test_one_step_from_no_weights_to_strong_ones_is_refused():
    rbm = rbm_of(Model.random(12, 6, seed=5, scale=4))
    with pytest.raises(FloatingPointError, match="a larger anneal"):
        torch_rbm.TrajectoryTempering(rbm, anneal=1)(torch.zeros(1, 12).double())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chains": 1}, "chains >= 2, got 1"),
        ({"acceptance": 0.1}, "least_acceptance < acceptance < 1, got 0.1 and 0.1"),
        ({"steps": 0}, "steps >= 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        torch_rbm.TrajectoryTempering(torch_rbm.RBM(3, 2), **options)
