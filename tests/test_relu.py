"""Relu units at extreme fields, against 60 digits: where naive formulas lose everything."""

import mpmath
import pytest
import scipy.stats
import torch

from torch_rbm import ops

FIELDS = [-1e6, -1e3, -201.0, -199.0, -31.0, -29.0, -5.0, 0.0, 5.0, 40.0, 1e3]


def exact(z: float) -> tuple[float, float, float]:
    """Γ, mean and variance of a relu unit of field z and precision 1."""
    with mpmath.workdps(60):
        mills = mpmath.ncdf(z) / mpmath.npdf(z)
        mean = z + 1 / mills
        return float(mpmath.log(mills)), float(mean), float(1 - mean / mills)


@pytest.mark.parametrize("z", FIELDS)
def test_cumulant_mean_and_variance(z):
    field = torch.tensor([z], dtype=torch.float64, requires_grad=True)
    nothing = torch.zeros(1, 0, dtype=torch.float64)
    cumulant, mean, variance = exact(z)
    value = ops.cumulant(field, units="relu")
    assert value.item() == pytest.approx(cumulant, rel=1e-9)
    found = ops.visible_mean(nothing, nothing.t(), field, visible_units="relu")
    assert found.item() == pytest.approx(mean, rel=1e-6)
    (slope,) = torch.autograd.grad(found.sum(), field)
    assert slope.item() == pytest.approx(variance, rel=1e-5)
    (derivative,) = torch.autograd.grad(value, field)
    assert derivative.item() == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("z", FIELDS)
def test_samples(z):
    """Kolmogorov's test against the truncated normal, by its own survival function far out."""
    nothing = torch.zeros(20_000, 0, dtype=torch.float64)
    torch.manual_seed(0)
    bias = torch.tensor([z], dtype=torch.float64)
    samples = ops.sample_visible(nothing, nothing[:1].t(), bias, visible_units="relu")[:, 0]
    assert samples.min() >= 0
    if z < -100:  # log Q(r - z) - log Q(-z) = -r |z| - r² / 2 up to the change of log Mills
        survival = torch.special.log_ndtr(z - samples) - torch.special.log_ndtr(bias)
        if z < -1e4:
            survival = -samples * abs(z)
        uniform = survival.exp().numpy()
        assert scipy.stats.kstest(uniform, "uniform").pvalue > 1e-5
    else:
        law = scipy.stats.truncnorm(-z, float("inf"), z, 1)
        assert scipy.stats.kstest(samples.numpy(), law.cdf).pvalue > 1e-5


def test_float32_is_as_good_as_its_digits():
    fields = torch.tensor(FIELDS[2:-1])
    nothing = torch.zeros(1, 0)
    columns = torch.zeros(len(fields), 0)
    found = ops.visible_mean(nothing, columns.t(), fields, visible_units="relu")[0]
    expected = torch.tensor([exact(z)[1] for z in fields.tolist()])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
