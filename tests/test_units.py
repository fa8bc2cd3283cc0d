"""Every pairing of unit types against quadrature and enumeration: one body of tests for all.

Statistical tests have fixed seeds and limits of 5 σ of their own sample.
"""

import functools

import pytest
import scipy.stats
import torch
from torch.autograd import gradcheck, gradgradcheck

from tests.quadrature import MIXED, PAIRINGS, TYPES, Model, continuous_elements, is_continuous
from torch_rbm import ops

SAMPLES = 40_000
REPEATS = 4000
PAIRING_NAMES = [f"{v} x {h}" for v, h in PAIRINGS]
pairings = pytest.mark.parametrize("pairing", PAIRINGS, ids=PAIRING_NAMES)


@functools.cache
def model_of(pairing) -> Model:
    return Model.random(*pairing)


def assert_close(actual, expected, tolerance=1e-8):
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def assert_mean(samples, expected):
    """The mean over the first dimension, within 5 σ."""
    sigma = samples.std(0) / len(samples) ** 0.5
    assert ((samples.mean(0) - expected).abs() <= 5 * sigma + 1e-9).all()


def some(states, count=40):
    """Some of many rows, so near to 0 that the other layer keeps away from the grid's ends."""
    generator = torch.Generator().manual_seed(0)
    near = (states.abs() < 4).all(1).nonzero().flatten()
    return near[torch.randperm(len(near), generator=generator)[:count]]


@pairings
def test_energy(pairing):
    model = model_of(pairing)
    i, j = some(model.v), some(model.h)
    energy = ops.energy(model.v[i][:, None], model.h[j], *model.parameters, **model.options)
    log_weights = model.v_weights[i][:, None] + model.h_weights[j]
    assert_close(energy, log_weights - model.log_joint[i][:, j])


@pairings
def test_free_energy_sums_out_the_hidden_units(pairing):
    model = model_of(pairing)
    i = some(model.v)
    free_energy = ops.free_energy(model.v[i], *model.parameters, **model.options)
    assert_close(free_energy, model.free_energies()[i])


@pairings
def test_log_partition(pairing):
    model = model_of(pairing)
    if "relu" in pairing and all(map(is_continuous, pairing)):
        with pytest.raises(ValueError, match=r"log_partition: expected a layer of bernoulli"):
            ops.log_partition(*model.parameters, **model.options)
    else:
        assert_close(ops.log_partition(*model.parameters, **model.options), model.log_z())


@pairings
def test_means(pairing):
    model = model_of(pairing)
    i, j = some(model.v), some(model.h)
    hidden = ops.hidden_mean(
        model.v[i], model.weight, model.hidden_bias, **model.layer_options("hidden")
    )
    assert_close(hidden, model.hidden_given_visible()[i] @ model.h)
    visible = ops.visible_mean(
        model.h[j], model.weight, model.visible_bias, **model.layer_options("visible")
    )
    assert_close(visible, model.visible_given_hidden()[j] @ model.v)


@pytest.mark.parametrize("units", [*TYPES, MIXED])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_samples_have_the_right_distribution(units, dtype):
    """Moments of the elements and their products; continuous ones by Kolmogorov's test too."""
    model = model_of((units, "bernoulli"))
    hidden = model.h[5]
    states = hidden.expand(SAMPLES, -1).to(dtype)
    samples = ops.sample_visible(
        states,
        model.weight.to(dtype),
        model.visible_bias.to(dtype),
        visible_units=units,
        visible_precision=model.visible_precision.to(dtype),
    ).double()
    p = model.visible_given_hidden()[5]
    pairs = samples[:, :, None] * samples[:, None]
    expected = torch.einsum("k,ki,kj->ij", p, model.v, model.v)
    assert_mean(samples, p @ model.v)
    assert_mean(pairs, expected)
    field = model.visible_bias + hidden @ model.weight
    for element in continuous_elements(units).nonzero().flatten().tolist():
        scale = model.visible_precision[element].item() ** -0.5
        mean = field[element].item() * scale**2
        exact = (
            scipy.stats.truncnorm(-mean / scale, float("inf"), mean, scale)
            if units == "relu"
            else scipy.stats.norm(mean, scale)
        )
        assert scipy.stats.kstest(samples[:, element].numpy(), exact.cdf).pvalue > 1e-5


@pairings
@pytest.mark.parametrize("steps", [1, 3])
def test_chains_started_from_the_model_stay_there(pairing, steps):
    model = model_of(pairing)
    torch.manual_seed(steps)
    visible, hidden = ops.gibbs(model.sample(SAMPLES), *model.parameters, steps, **model.options)
    joint = model.joint()
    assert_mean(visible, joint.sum(1) @ model.v)
    assert_mean(hidden, joint.sum(0) @ model.h)
    assert_mean(visible.square(), joint.sum(1) @ model.v.square())
    pairs = hidden[:, :, None] * visible[:, None]
    assert_mean(pairs, model.h.T @ joint.T @ model.v)


@pairings
@pytest.mark.parametrize("sampled_hidden", [False, True])
def test_mean_of_the_gradients_is_the_expected_one(pairing, sampled_hidden):
    """CD-1 from a few states, against the grid: ⟨⟩ of the data minus ⟨⟩ after one step."""
    model = model_of(pairing)
    torch.manual_seed(0)
    numbers = torch.multinomial(model.joint().sum(1), 8, replacement=True)
    data = model.v[numbers]
    weights = torch.zeros(len(model.v), dtype=torch.float64)
    weights.index_add_(0, numbers, torch.full((8,), 1 / 8, dtype=torch.float64))
    positive = model.statistics(weights)
    negative = model.statistics(model.after(weights, 1))
    estimates = [
        ops.contrastive_divergence(
            data, data, *model.parameters, 1, **model.options, sampled_hidden=sampled_hidden
        )[:3]
        for _ in range(REPEATS)
    ]
    for samples, p, n in zip(zip(*estimates, strict=True), positive, negative, strict=True):
        assert_mean(torch.stack(samples), n - p)


@pairings
def test_annealed_importance_sampling(pairing):
    """The mean weight is Z / Z₀, forward and back."""
    model = model_of(pairing)
    torch.manual_seed(0)
    base = torch.zeros_like(model.visible_bias)
    betas = torch.linspace(0, 1, 20, dtype=torch.float64)
    nothing = [torch.zeros_like(p) for p in model.parameters]
    without = Model(*pairing, *nothing, model.visible_precision, model.hidden_precision)
    for start, path in ((without, betas), (model, betas.flip(0))):
        log_weight, _ = ops.annealed_importance_sampling(
            start.sample(SAMPLES), *model.parameters, base, path, **model.options
        )
        difference = model.log_z() - without.log_z()
        expected = difference if start is without else -difference
        assert_mean((log_weight - expected).exp(), torch.ones(()))


def differentiable(*tensors):
    return tuple(t.clone().requires_grad_() for t in tensors)


@pairings
def test_derivatives(pairing):
    """Of states, parameters and precisions, first and second, backward and forward."""
    model = model_of(pairing)
    v, h = model.v[some(model.v, 3)], model.h[some(model.h, 3)]
    names = {"visible_units": pairing[0], "hidden_units": pairing[1]}
    precisions = (model.visible_precision, model.hidden_precision)

    def energy(v, h, w, b, c, p, q):
        return ops.energy(v, h, w, b, c, **names, visible_precision=p, hidden_precision=q)

    def free_energy(v, w, b, c, p, q):
        return ops.free_energy(v, w, b, c, **names, visible_precision=p, hidden_precision=q)

    def constant_precision(v, w, b, c):
        return ops.free_energy(v, w, b, c, **model.options)

    def mean(v, w, c, q):
        return ops.hidden_mean(v, w, c, hidden_units=pairing[1], hidden_precision=q)

    def mean_of_constant(v, w, c):
        return ops.hidden_mean(v, w, c, **model.layer_options("hidden"))

    for function, arguments in (
        (energy, (v, h, *model.parameters, *precisions)),
        (free_energy, (v, *model.parameters, *precisions)),
        (constant_precision, (v, *model.parameters)),
        (mean, (v, model.weight, model.hidden_bias, model.hidden_precision)),
        (mean_of_constant, (v, model.weight, model.hidden_bias)),
    ):
        leaves = differentiable(*arguments)
        assert gradcheck(function, leaves)
        assert gradcheck(function, leaves, check_forward_ad=True, check_backward_ad=False)
        assert gradgradcheck(function, leaves)


@pairings
def test_gradient_of_log_partition_holds_the_moments(pairing):
    model = model_of(pairing)
    if "relu" in pairing and all(map(is_continuous, pairing)):
        return
    leaves = differentiable(*model.parameters)
    log_z = ops.log_partition(*leaves, **model.options)
    for gradient, moment in zip(
        torch.autograd.grad(log_z, leaves), model.statistics(model.joint().sum(1)), strict=True
    ):
        assert_close(gradient, moment)
    for value, expected in zip(
        ops.moments(*model.parameters, **model.options),
        (log_z.detach(), *model.statistics(model.joint().sum(1))),
        strict=True,
    ):
        assert_close(value, expected)
    precisions = differentiable(model.visible_precision, model.hidden_precision)
    options = model.options | {
        "visible_precision": precisions[0],
        "hidden_precision": precisions[1],
    }
    gradients = torch.autograd.grad(
        ops.log_partition(*leaves, **options), precisions, allow_unused=True
    )
    for gradient, states, p, units in zip(
        gradients,
        (model.v, model.h),
        (model.joint().sum(1), model.joint().sum(0)),
        pairing,
        strict=True,
    ):
        expected = -(p @ states.square()) / 2 * continuous_elements(units)
        assert_close(torch.zeros_like(expected) if gradient is None else gradient, expected)


@pairings
def test_opcheck(pairing):
    model = model_of(pairing)
    v, h = model.v[some(model.v, 3)], model.h[some(model.h, 3)]
    w, b, c = differentiable(*model.parameters)
    betas = torch.linspace(0, 1, 4, dtype=torch.float64)
    key = {"key": torch.tensor([5, 0])}
    namespace = torch.ops.torch_rbm
    hidden, visible = model.layer_options("hidden"), model.layer_options("visible")
    for op, arguments, options in (
        (namespace.energy, (v, h, w, b, c), model.options),
        (namespace.free_energy, (v, w, b, c), model.options),
        (namespace.hidden_mean, (v, w, c), hidden),
        (namespace.visible_mean, (h, w, b), visible),
        (namespace.sample_hidden.key, (v, w, c), hidden | key),
        (namespace.sample_visible.key, (h, w, b), visible | key),
        (namespace.gibbs.key, (v, w, b, c, 2), model.options | key),
        (namespace.contrastive_divergence.key, (v, v, w, b, c, 1), model.options | key),
        (namespace.annealed_importance_sampling.key, (v, w, b, c, b, betas), model.options | key),
    ):
        torch.library.opcheck(op if hasattr(op, "_schema") else op.default, arguments, options)
