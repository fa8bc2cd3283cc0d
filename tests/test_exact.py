"""Energies, free energies, partition functions and gradients against enumeration."""

import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from tests.enumeration import Model, all_states
from torch_rbm import ops

TOLERANCE = 1e-10


def assert_close(actual, expected, tolerance=TOLERANCE):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def differentiable(*tensors):
    return tuple(t.clone().requires_grad_() for t in tensors)


def test_energy_of_every_pair_of_states(model):
    v = all_states(6)[:, None].expand(-1, 16, -1)
    h = all_states(4)[None].expand(64, -1, -1)
    assert_close(ops.energy(v, h, *model.parameters), model.energies())


def test_free_energy_sums_out_the_hidden_units(model):
    expected = -torch.logsumexp(-model.energies(), 1)
    assert_close(ops.free_energy(all_states(6), *model.parameters), expected)


@pytest.mark.parametrize(("visible", "hidden"), [(6, 4), (4, 6), (1, 1), (12, 3)])
def test_log_partition(visible, hidden):
    model = Model.random(visible, hidden, seed=visible)
    assert_close(ops.log_partition(*model.parameters), model.log_z())


def test_probabilities_sum_to_one(model):
    log_p = -ops.free_energy(all_states(6), *model.parameters) - ops.log_partition(
        *model.parameters
    )
    assert_close(log_p.exp(), model.probabilities())
    assert_close(log_p.exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_log_partition_without_weights_has_a_closed_form():
    model = Model.random(300, 20)
    model.weight.zero_()
    expected = sum(torch.logaddexp(b, torch.zeros(())).sum() for b in model.parameters[1:])
    assert_close(ops.log_partition(*model.parameters), expected)


def test_published_4_by_4_model():
    """The known model of PyDeep's test-suite (Melchior, test_estimator.py): weights up to 60.

    log Z = 59.6749019652 and mean log-likelihood -1.7328699078 of the 2×2 bars and stripes, with
    the all-0 and the all-1 picture twice.
    """
    parameters = [
        torch.tensor(
            [
                [0.12179488, 0.20318085, -0.19105386, 0.08953740],
                [2.95950177, -28.62372894, -28.58530584, -59.82556859],
                [0.33513356, 26.52611278, -26.52747507, -0.06665933],
                [35.05380642, 28.41793445, 28.78447320, -27.71723459],
            ],
            dtype=torch.float64,
        ),
        torch.tensor([-19.24399659, -13.26258696, 13.25909850, 43.74408543], dtype=torch.float64),
        torch.tensor([-0.11155958, 57.02097584, -0.13331758, -32.25991501], dtype=torch.float64),
    ]
    log_z = ops.log_partition(*parameters)
    assert log_z.item() == pytest.approx(59.6749019652, abs=1e-9)
    pictures = [0b0000, 0b0000, 0b1111, 0b1111, 0b0011, 0b1100, 0b0101, 0b1010]
    log_likelihood = -ops.free_energy(all_states(4)[pictures], *parameters) - log_z
    assert log_likelihood.mean().item() == pytest.approx(-1.7328699078, abs=1e-8)


def test_exact_gradient_is_positive_minus_enumerated_negative_phase(model, data):
    """By three routes: autograd of the exact NLL, our estimator with weighted particles, and
    enumeration."""
    expected = model.gradient(data, model.probabilities())
    parameters = differentiable(*model.parameters)
    nll = ops.free_energy(data, *parameters).mean() + ops.log_partition(*parameters)
    for gradient, enumerated in zip(torch.autograd.grad(nll, parameters), expected, strict=True):
        assert_close(gradient, enumerated)


def test_explicit_particles_give_their_own_negative_phase(model, data):
    """With no steps, `chain` is a set of negative particles of any size."""
    for count in (1, 7, 64):
        particles = all_states(6)[torch.randint(64, (count,))]
        *gradients, _ = ops.contrastive_divergence(data, particles, *model.parameters, 0)
        counts = torch.zeros(64, dtype=torch.float64)
        numbers = (particles.long() << torch.arange(6)).sum(1)
        counts.index_add_(0, numbers, torch.full((count,), 1 / count, dtype=torch.float64))
        for gradient, enumerated in zip(gradients, model.gradient(data, counts), strict=True):
            assert_close(gradient, enumerated)


def test_conditional_means(model):
    v, h = all_states(6), all_states(4)
    assert_close(
        ops.hidden_mean(v, model.weight, model.hidden_bias),
        model.hidden_given_visible() @ h,
    )
    assert_close(
        ops.visible_mean(h, model.weight, model.visible_bias),
        model.visible_given_hidden() @ v,
    )


OPERATORS = {
    "free_energy": lambda m, v, h: (ops.free_energy, (v, *m.parameters)),
    "hidden_mean": lambda m, v, h: (ops.hidden_mean, (v, m.weight, m.hidden_bias)),
    "visible_mean": lambda m, v, h: (ops.visible_mean, (h, m.weight, m.visible_bias)),
    "energy": lambda m, v, h: (ops.energy, (v, h, *m.parameters)),
    "log_partition": lambda m, v, h: (ops.log_partition, m.parameters),
    "moments": lambda m, v, h: (ops.moments, m.parameters),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_derivatives(model, data, name):
    h = torch.rand(len(data), 4, dtype=torch.float64)
    function, arguments = OPERATORS[name](model, data, h)
    arguments = differentiable(*arguments)
    assert gradcheck(function, arguments)
    assert gradcheck(function, arguments, check_forward_ad=True, check_backward_ad=False)
    assert gradgradcheck(function, arguments)


@pytest.mark.parametrize("name", ["free_energy", "hidden_mean", "visible_mean", "log_partition"])
def test_torch_func_transforms(model, data, name):
    h = torch.rand(len(data), 4, dtype=torch.float64)
    function, arguments = OPERATORS[name](model, data, h)

    def total(*a):
        return function(*a).sum()

    numbers = tuple(range(len(arguments)))
    leaves = differentiable(*arguments)
    expected = torch.autograd.grad(total(*leaves), leaves)
    for actual, reference in zip(
        torch.func.grad(total, argnums=numbers)(*arguments), expected, strict=True
    ):
        assert_close(actual, reference)
    tangents = tuple(torch.rand_like(a) for a in arguments)
    _, slope = torch.func.jvp(total, arguments, tangents)
    assert_close(slope, sum((t * g).sum() for t, g in zip(tangents, expected, strict=True)), 1e-9)


def test_hessian_of_the_free_energy(model, data):
    """−Wᵀ diag(p(1 − p)) W with p = p(h = 1 | v)."""
    weight, _, hidden_bias = model.parameters
    v = data[0]
    p = torch.sigmoid(hidden_bias + weight @ v)
    actual = torch.func.hessian(lambda v: ops.free_energy(v, *model.parameters))(v)
    assert_close(actual, -weight.T @ (weight * (p * (1 - p))[:, None]))


def test_hessian_of_log_partition_is_the_covariance(model):
    """Of the visible units, for their biases."""
    weight, visible_bias, hidden_bias = model.parameters
    p, v = model.probabilities(), all_states(6)
    mean = p @ v
    actual = torch.func.hessian(lambda b: ops.log_partition(weight, b, hidden_bias))(visible_bias)
    assert_close(actual, v.T @ (v * p[:, None]) - mean[:, None] * mean)


def test_vmap_over_rows_equals_the_batch(model, data):
    def one(v):
        return ops.free_energy(v, *model.parameters)

    assert_close(torch.func.vmap(one)(data), ops.free_energy(data, *model.parameters))
    per_row = torch.func.vmap(torch.func.grad(one))(data)
    v = data.clone().requires_grad_()
    ops.free_energy(v, *model.parameters).sum().backward()
    assert_close(per_row, v.grad)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_free_energy_does_not_overflow(dtype):
    """softplus at ±90, where log(1 + exp(x)) is inf or 0 in float32."""
    weight = torch.zeros(2, 1, dtype=dtype)
    hidden_bias = torch.tensor([90.0, -90.0], dtype=dtype)
    free_energy = ops.free_energy(
        torch.zeros(1, 1, dtype=dtype), weight, torch.zeros(1, dtype=dtype), hidden_bias
    )
    assert free_energy.item() == pytest.approx(-90.0 - math.exp(-90.0), rel=1e-7)
    tail = ops.free_energy(
        torch.zeros(1, 1, dtype=dtype), weight[:1], torch.zeros(1, dtype=dtype), hidden_bias[1:]
    )
    assert -tail.item() == pytest.approx(math.exp(-90.0), rel=1e-5)


def test_softplus_is_exact_at_every_field():
    """Γ(x) = log(1 + eˣ) to float64's last digits; PyTorch's default is off by 2e-9."""
    fields = torch.arange(-90.0, 90.5, 0.5, dtype=torch.float64)
    one = torch.zeros(1, 1, dtype=torch.float64)
    values = [-ops.free_energy(one, one, one[0], x.reshape(1)).item() for x in fields]
    for x, value in zip(fields.tolist(), values, strict=True):
        assert value == pytest.approx(max(x, 0) + math.log1p(math.exp(-abs(x))), rel=1e-14, abs=0)
