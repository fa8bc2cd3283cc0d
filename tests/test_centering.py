"""The centred gradient: a change of variables, and what it is for."""

import functools

import pytest
import torch

import torch_rbm
from tests.enumeration import Model, all_states
from tests.test_evaluation import make_rbm
from torch_rbm.training.factories import default_loss


def nll_of_the_centered_form(weight, visible_bias, hidden_bias, mu, lam, data):
    """The exact NLL from the centred energy itself, by enumeration of the hidden states."""

    def free_energy(v):
        h = all_states(len(hidden_bias))
        v = v - mu
        h = h - lam
        energy = -(v @ visible_bias)[:, None] - h @ hidden_bias - v @ weight.T @ h.T
        return -torch.logsumexp(-energy, 1)

    states = all_states(len(visible_bias))
    return free_energy(data).mean() + torch.logsumexp(-free_energy(states), 0)


def test_it_is_the_step_of_the_centered_model(model, data):
    """A step of W, b′ and c′, written as one of W, b = b′ − Wᵀλ and c = c′ − Wμ, to first order."""
    rbm = make_rbm(model)
    loss = torch_rbm.ExactLikelihood(rbm, centered=True)
    loss(data)
    loss.eval()  # the offsets stay
    loss(data).backward()
    mu, lam = loss.centering.visible_offset, loss.centering.hidden_offset
    weight, b, c = (p.clone() for p in model.parameters)
    centered = [weight, b + lam @ weight, c + weight @ mu]
    for parameter in centered:
        parameter.requires_grad_()
    nll = nll_of_the_centered_form(*centered, mu, lam, data)
    assert nll.item() == pytest.approx(loss(data).item(), abs=1e-10)
    step = torch.autograd.grad(nll, centered)
    expected = [step[0], step[1] - lam @ step[0], step[2] - step[0] @ mu]
    for parameter, gradient in zip(rbm.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "optimizer",
    [
        functools.partial(torch.optim.Adam, lr=0.05),
        functools.partial(torch.optim.RMSprop, lr=0.05, momentum=0.5),
        functools.partial(torch.optim.SGD, lr=0.5, momentum=0.5),
    ],
    ids=["Adam", "RMSprop", "SGD"],
)
def test_any_optimizer_steps_in_the_centered_model(model, data, optimizer):
    """Steps of W, b′ and c′ in the centred form, by the same optimizer."""
    rbm = make_rbm(model)
    loss = torch_rbm.ExactLikelihood(rbm, centered=True)
    loss(data)
    loss.eval()
    steps = optimizer(rbm.parameters())
    loss.attach(steps)
    mu, lam = loss.centering.visible_offset, loss.centering.hidden_offset
    weight, b, c = (p.clone() for p in model.parameters)
    centered = [weight, b + lam @ weight, c + weight @ mu]
    for parameter in centered:
        parameter.requires_grad_()
    expected_steps = optimizer(centered)
    for _ in range(5):
        expected_steps.zero_grad()
        nll_of_the_centered_form(*centered, mu, lam, data).backward()
        expected_steps.step()
        steps.zero_grad()
        loss(data).backward()
        steps.step()
    weight, b, c = centered
    expected = [weight, b - lam @ weight, c - weight @ mu]
    for parameter, value in zip(rbm.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter, value, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["Adam", "RMSprop"])
def test_fit_learns_by_optimizers_that_scale_every_element(name):
    """More units than of the few that enumeration takes: what their steps do to a bias adds up."""
    torch.manual_seed(0)
    patterns = torch.rand(6, 40) < 0.2
    data = (patterns[torch.randint(6, (500,))] ^ (torch.rand(500, 40) < 0.05)).float()
    likelihoods = {}
    for centered in (False, True):
        torch.manual_seed(1)
        rbm = torch_rbm.RBM(40, 12)
        torch_rbm.initialize(rbm, data)
        before = torch_rbm.log_likelihood(rbm, data).value
        torch_rbm.fit(
            rbm,
            data,
            epochs=20,
            batch_size=10,
            loss=lambda rbm, centered=centered: torch_rbm.PersistentContrastiveDivergence(
                rbm, centered=centered
            ),
            optimizer=lambda parameters: getattr(torch.optim, name)(parameters, lr=1e-3),
            progress=False,
        )
        likelihoods[centered] = torch_rbm.log_likelihood(rbm, data).value - before
    assert likelihoods[True] > likelihoods[False] - 0.3
    assert likelihoods[True] > 0.2


def test_steps_that_cannot_be_centered_stay_as_they_are(model, data):
    """With a closure, and of parameters that do not learn."""
    for closure in (False, True):
        results = []
        for attached in (False, True):
            rbm = make_rbm(model)
            rbm.visible_bias.requires_grad_(closure)
            loss = torch_rbm.ExactLikelihood(rbm, centered=True)
            steps = torch.optim.Adam(p for p in rbm.parameters() if p.requires_grad)
            if attached:
                loss.attach(steps)

            def value(loss=loss, steps=steps):
                steps.zero_grad()
                result = loss(data)
                result.backward()
                return result

            if closure:
                steps.step(value)
            else:
                value()
                steps.step()
            results.append(rbm.state_dict())
        for name, parameter in results[0].items():
            assert parameter.equal(results[1][name])


def test_by_default_fit_centres_where_all_parameters_learn(model):
    rbm = make_rbm(model)
    assert default_loss(rbm).centering is not None
    torch.nn.utils.parametrizations.weight_norm(rbm)
    assert default_loss(rbm).centering is None
    rbm = make_rbm(model)
    rbm.hidden_bias.requires_grad_(False)
    assert default_loss(rbm).centering is None


def train_exactly(model: Model, data: torch.Tensor, centered: bool) -> torch_rbm.RBM:
    rbm = make_rbm(model)
    torch_rbm.fit(
        rbm,
        data,
        epochs=200,
        batch_size=len(data),
        loss=lambda rbm: torch_rbm.ExactLikelihood(rbm, centered=centered),
        progress=False,
    )
    return rbm


@pytest.mark.parametrize("centered", [True, False])
def test_flipped_data_give_the_flipped_model(model, data, centered):
    """Learning from data with 0 and 1 exchanged, started from the model with 0 and 1 exchanged."""
    model.weight *= 0.1
    flipped = Model(-model.weight, -model.visible_bias, model.hidden_bias + model.weight.sum(1))
    rbm = train_exactly(model, data, centered)
    flipped_rbm = train_exactly(flipped, 1 - data, centered)
    with torch.no_grad():
        difference = (rbm.weight + flipped_rbm.weight).abs().max()
    if centered:
        assert difference < 1e-9
    else:
        assert difference > 1e-2


@pytest.mark.parametrize("name", ["ContrastiveDivergence", "PersistentContrastiveDivergence"])
def test_estimates_are_centered_too(model, data, name):
    rbm = make_rbm(model)
    results = {}
    for centered in (False, True):
        torch.manual_seed(3)  # the same chains
        rbm.zero_grad()
        loss = getattr(torch_rbm, name)(rbm, centered=centered)
        value = loss(data)
        value.backward()
        results[centered] = value, tuple(p.grad.clone() for p in rbm.parameters())
    torch.testing.assert_close(results[True][0], results[False][0])
    expected = loss.centering(results[False][1])
    for gradient, wanted in zip(results[True][1], expected, strict=True):
        torch.testing.assert_close(gradient, wanted)


def test_offsets_follow_the_means_in_training_only(model, data):
    """Half way between those under the data and those under the model."""
    rbm = make_rbm(model)
    loss = torch_rbm.ExactLikelihood(rbm, centered=True)
    loss.eval()
    loss(data)
    assert loss.centering.visible_offset.eq(0.5).all()
    loss.train()
    for _ in range(2000):
        loss(data)
    _, visible, hidden = model.statistics(model.probabilities())
    expected = (data.mean(0) + visible) / 2
    torch.testing.assert_close(loss.centering.visible_offset, expected, rtol=0, atol=1e-6)
    expected = (rbm(data).mean(0).detach() + hidden) / 2
    torch.testing.assert_close(loss.centering.hidden_offset, expected, rtol=0, atol=1e-6)
    assert "centering.visible_offset" in loss.state_dict()


def test_centring_leaves_the_value_and_the_precisions_alone():
    """Of real data the exact loss, and what it says of the precisions, are those without it."""
    rbm = torch_rbm.RBM(3, 2, visible_units="gaussian", learn_precision=True, dtype=torch.float64)
    torch_rbm.initialize(rbm, torch.randn(50, 3).double() * 2, weight_std=0.5)
    data = torch.randn(20, 3).double()
    results = []
    for centered in (False, True):
        rbm.zero_grad()
        value = torch_rbm.ExactLikelihood(rbm, centered=centered)(data)
        value.backward()
        results.append((value.detach(), rbm.visible_log_precision.grad.clone()))
    for plain, other in zip(*results, strict=True):
        torch.testing.assert_close(other, plain)
    assert results[0][1].abs().min() > 1e-3


def test_offsets_do_not_follow_what_is_missing(model, data):
    """That of a unit which was never observed stays where it was."""
    loss = torch_rbm.ContrastiveDivergence(make_rbm(model), centered=True)
    observed = torch.ones(data.shape[1], dtype=torch.bool)
    observed[2] = False
    for _ in range(5):
        loss(data, observed=observed)
    offset = loss.centering.visible_offset
    assert offset[2].item() == 0.5
    assert (offset[observed] != 0.5).all()


def test_bad_rate(model):
    with pytest.raises(ValueError, match="rate in \\(0, 1\\], got 0"):
        torch_rbm.Centering(make_rbm(model), rate=0)
