"""The CD-k estimate: its expectation by enumeration, its options, and the losses around it.

Statistical thresholds are 5 σ of the test's own sample, with fixed seeds.
"""

import functools

import pytest
import torch

import torch_rbm
from tests.enumeration import Model, all_states, state_counts
from torch_rbm import ops

REPEATS = 5000


def expected_gradient(model: Model, data: torch.Tensor, steps: int):
    """The exactly enumerated expectation of the CD-k gradient."""
    counts = state_counts(data, len(model.visible_bias))
    after = (counts / counts.sum()) @ torch.linalg.matrix_power(model.step_matrix(), steps)
    return model.gradient(data, after)


def estimates(model: Model, data: torch.Tensor, steps: int, **options):
    """REPEATS independent estimates of each gradient, [REPEATS, ...]."""
    samples = [
        ops.contrastive_divergence(data, data, *model.parameters, steps, **options)[:3]
        for _ in range(REPEATS)
    ]
    return [torch.stack(gradients) for gradients in zip(*samples, strict=True)]


def assert_mean(samples: torch.Tensor, expected: torch.Tensor) -> None:
    sigma = samples.std(0) / len(samples) ** 0.5
    assert ((samples.mean(0) - expected).abs() <= 5 * sigma + 1e-12).all()


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("sampled_hidden", [False, True])
def test_mean_of_the_estimates_is_the_enumerated_expectation(model, data, steps, sampled_hidden):
    expected = expected_gradient(model, data, steps)
    samples = estimates(model, data, steps, sampled_hidden=sampled_hidden)
    for gradients, mean in zip(samples, expected, strict=True):
        assert_mean(gradients, mean)


def test_hidden_means_have_less_variance_than_samples(model, data):
    """The analytic choice of the training document: the same mean (above), less variance."""
    plain = estimates(model, data, 1, sampled_hidden=True)
    analytic = estimates(model, data, 1, sampled_hidden=False)
    ratios = [p.var(0).sum() / a.var(0).sum() for p, a in zip(plain, analytic, strict=True)]
    print("variance, samples / means: W {:.2f}, b {:.2f}, c {:.2f}".format(*ratios))
    assert ratios[0] > 1.5
    assert ratios[2] > 3


def test_each_phase_is_divided_by_its_own_rows(model, data):
    """Doubling the chains changes nothing but the noise; here the chains do not move."""
    particles = all_states(6)[[3, 50, 17]]
    once = ops.contrastive_divergence(data, particles, *model.parameters, 0)
    twice = ops.contrastive_divergence(data, particles.repeat(2, 1), *model.parameters, 0)
    for a, b in zip(once[:3], twice[:3], strict=True):
        torch.testing.assert_close(a, b)


def test_a_phase_without_rows_contributes_nothing(model, data):
    nothing = data[:0]
    positive = ops.contrastive_divergence(data, nothing, *model.parameters, 2)
    negative = ops.contrastive_divergence(nothing, data, *model.parameters, 0)
    both = ops.contrastive_divergence(data, data, *model.parameters, 0)
    for p, n, b in zip(positive[:3], negative[:3], both[:3], strict=True):
        torch.testing.assert_close(p + n, b)


def test_mean_visible_follows_the_means(model, data):
    """One step by hand with the same key: hidden sampled, visible taken as means."""
    key = torch.tensor([4, 0])
    hidden = ops.sample_hidden(data, model.weight, model.hidden_bias, key=key)
    expected = ops.visible_mean(hidden, model.weight, model.visible_bias)
    *_, chain = ops.contrastive_divergence(
        data, data, *model.parameters, 1, mean_visible=True, key=key
    )
    torch.testing.assert_close(chain, expected)


def test_the_chain_is_that_of_gibbs(model, data):
    key = torch.tensor([4, 0])
    visible, _ = ops.gibbs(data, *model.parameters, 3, key=key)
    *_, chain = ops.contrastive_divergence(data, data, *model.parameters, 3, key=key)
    assert chain.equal(visible)


def test_sampled_hidden_starts_the_chain_with_its_own_sample(model, data):
    """For CD-k the positive phase's hidden sample is the one that the chain goes on from."""
    key = torch.tensor([4, 0])
    hidden = ops.sample_hidden(data, model.weight, model.hidden_bias, key=key)
    positive = ops.contrastive_divergence(
        data, data[:0], *model.parameters, 1, sampled_hidden=True, key=key
    )
    torch.testing.assert_close(positive[2], -hidden.mean(0))


def test_means_are_those_of_the_data(model, data):
    """Besides an estimate that is the same; a missing value counts as 0, and as no unit."""
    key = torch.tensor([4, 0])
    chain = all_states(6)[[3, 50, 17]]
    observed = torch.tensor([True, True, False, True, True, True])
    for steps, mask in ((0, None), (2, None), (2, observed)):
        options = {"observed": mask, "key": key}
        *gradients, visible, hidden, moved = ops.contrastive_divergence_with_means(
            data, chain, *model.parameters, steps, **options
        )
        seen = data if mask is None else data * mask
        torch.testing.assert_close(visible, seen.mean(0))
        expected = ops.hidden_mean(seen, model.weight, model.hidden_bias).mean(0)
        torch.testing.assert_close(hidden, expected)
        estimate = ops.contrastive_divergence(data, chain, *model.parameters, steps, **options)
        assert all(a.equal(e) for a, e in zip((*gradients, moved), estimate, strict=True))


@pytest.fixture
def rbm(model):
    rbm = torch_rbm.RBM(6, 4, dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in zip(rbm.parameters(), model.parameters, strict=True):
            parameter.copy_(value)
    return rbm


LOSSES = {
    "cd": torch_rbm.ContrastiveDivergence,
    "pcd": functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=7),
}


@pytest.mark.parametrize("name", LOSSES)
def test_backward_leaves_the_estimate_in_grad(rbm, data, name):
    loss = LOSSES[name](rbm, steps=2)
    chain = loss.chain.clone() if name == "pcd" else data
    torch.manual_seed(9)
    value = loss(data)
    value.backward()
    torch.manual_seed(9)
    *gradients, _ = ops.contrastive_divergence(data, chain, *rbm.parameters(), 2)
    for parameter, gradient in zip(rbm.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_the_value_is_the_energy_gap(rbm, data):
    torch.manual_seed(9)
    value = torch_rbm.ContrastiveDivergence(rbm)(data)
    torch.manual_seed(9)
    *_, chain = ops.contrastive_divergence(data, data, *rbm.parameters())
    gap = rbm.energy(data, rbm(data)).mean() - rbm.energy(chain, rbm(chain)).mean()
    torch.testing.assert_close(value, gap)


def test_gradients_accumulate_and_scale_as_in_any_module(rbm, data):
    loss = torch_rbm.ContrastiveDivergence(rbm)
    torch.manual_seed(9)
    loss(data).backward()
    once = rbm.weight.grad.clone()
    torch.manual_seed(9)
    (2 * loss(data)).backward()
    torch.testing.assert_close(rbm.weight.grad, 3 * once)


def test_persistent_chains_persist(rbm, data):
    loss = torch_rbm.PersistentContrastiveDivergence(rbm, chains=5, steps=1)
    before = loss.chain.clone()
    loss(data)
    moved = loss.chain.clone()
    assert not moved.equal(before)
    torch.manual_seed(3)
    loss(data)
    torch.manual_seed(3)
    *_, expected = ops.contrastive_divergence(data, moved, *rbm.parameters())
    assert loss.chain.equal(expected)
    assert "chain" in loss.state_dict()


def test_persistent_chains_stand_still_in_evaluation_mode(rbm, data):
    loss = torch_rbm.PersistentContrastiveDivergence(rbm, chains=5).eval()
    before = loss.chain.clone()
    loss(data)
    assert loss.chain.equal(before)


def test_unequal_chain_counts_stay_bounded():
    """Noise data with fewer chains than rows: biases must not drift away.

    A known mistake divides both phases by the number of data rows; mean visible biases then grow
    without bound (12 after 300 updates, against 0.01).
    """
    rbm = torch_rbm.RBM(20, 10)
    loss = torch_rbm.PersistentContrastiveDivergence(rbm, chains=10)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        loss((torch.rand(100, 20) < 0.5).float()).backward()
        optimizer.step()
    assert rbm.visible_bias.abs().mean() < 0.5
    assert rbm.weight.abs().mean() < 0.5


def test_training_reaches_the_entropy_of_simple_data():
    """Bars and stripes 2×2 by PCD: the exact log-likelihood comes near the best possible."""
    pictures = all_states(4)[[0b0000, 0b0000, 0b1111, 0b1111, 0b0011, 0b1100, 0b0101, 0b1010]]
    rbm = torch_rbm.RBM(4, 8, dtype=torch.float64)
    loss = torch_rbm.PersistentContrastiveDivergence(rbm, chains=100, steps=5)
    torch_rbm.fit(
        rbm,
        pictures.repeat(8, 1),
        epochs=3000,
        batch_size=64,
        loss=lambda _: loss,
        optimizer=functools.partial(torch.optim.SGD, lr=1.0),
        progress=False,
    )
    log_likelihood = -rbm.free_energy(pictures).mean() - rbm.log_partition()
    assert log_likelihood.item() == pytest.approx(-1.732868, abs=0.1)
