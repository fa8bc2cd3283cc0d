"""The monitors against their definitions, by enumeration."""

import pytest
import torch

import torch_rbm
from tests.enumeration import Model, all_states
from tests.test_evaluation import make_rbm


def pseudo_log_likelihood(model: Model) -> torch.Tensor:
    """Σⱼ log p(vⱼ | v₋ⱼ) of every visible state, from p(v) alone."""
    p = model.probabilities()
    numbers = torch.arange(len(p))
    total = torch.zeros(len(p), dtype=torch.float64)
    for j in range(len(model.visible_bias)):
        total += (p / (p + p[numbers ^ (1 << j)])).log()
    return total


def test_pseudo_log_likelihood(model):
    values = torch_rbm.pseudo_log_likelihood(make_rbm(model), all_states(6))
    torch.testing.assert_close(values, pseudo_log_likelihood(model), rtol=0, atol=1e-10)


def test_stochastic_pseudo_log_likelihood_has_the_same_expectation(model):
    repeats = 20_000
    states = all_states(6)[[5, 40]].repeat_interleave(repeats, 0)
    values = torch_rbm.pseudo_log_likelihood(make_rbm(model), states, stochastic=True)
    values = values.reshape(2, repeats)
    error = values.std(1) / repeats**0.5
    assert ((values.mean(1) - pseudo_log_likelihood(model)[[5, 40]]).abs() < 5 * error).all()


def test_pseudo_log_likelihood_in_parts(monkeypatch, model):
    whole = torch_rbm.pseudo_log_likelihood(make_rbm(model), all_states(6))
    monkeypatch.setattr("torch_rbm.pseudo_likelihood._ELEMENTS", 100)
    in_parts = torch_rbm.pseudo_log_likelihood(make_rbm(model), all_states(6))
    torch.testing.assert_close(whole, in_parts)


def test_shapes_and_types(model):
    rbm = make_rbm(model, torch.float32)
    states = all_states(6).reshape(8, 8, 6).bool()
    for monitor in (torch_rbm.pseudo_log_likelihood, torch_rbm.reconstruction_error):
        values = monitor(rbm, states)
        assert values.shape == (8, 8)
        assert values.dtype == torch.float32
        assert not values.requires_grad
        assert monitor(rbm, torch.zeros(0, 6)).shape == (0,)
    assert torch_rbm.pseudo_log_likelihood(rbm, torch.zeros(0, 6), stochastic=True).shape == (0,)


def test_reconstruction_error(model, data):
    h = torch.sigmoid(data @ model.weight.T + model.hidden_bias)
    v = torch.sigmoid(h @ model.weight + model.visible_bias)
    expected = ((data - v) ** 2).sum(1)
    torch.testing.assert_close(torch_rbm.reconstruction_error(make_rbm(model), data), expected)


def test_free_energy_gap_grows_with_overfitting():
    """Noise holds nothing to learn: what the training data gain, validation data lose."""
    training, validation = torch.rand(2, 40, 12).round().unbind()
    rbm = torch_rbm.RBM(12, 10)
    before = torch_rbm.free_energy_gap(rbm, training, validation)
    torch_rbm.fit(rbm, training, epochs=300, batch_size=40, progress=False)
    after = torch_rbm.free_energy_gap(rbm, training, validation)
    assert abs(before) < 0.1
    assert after > 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda rbm: torch_rbm.pseudo_log_likelihood(rbm, torch.full((1, 6), 0.5)),
            "to be 0 or 1, got 0.5",
        ),
        (lambda rbm: torch_rbm.reconstruction_error(rbm, torch.full((1, 6), 2.0)), "in .0, 1."),
        (
            lambda rbm: torch_rbm.free_energy_gap(rbm, torch.zeros(0, 6), torch.zeros(1, 6)),
            "expected cases in training",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch_rbm.RBM(6, 4))
