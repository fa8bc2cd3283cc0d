"""Models without hidden units, to compare likelihoods with: each is the one that fits the cases."""

from __future__ import annotations

import math

import torch
from torch import Tensor

import torch_rbm
from torch_rbm.rbm import RBM
from torch_rbm.units import Units

# Smallest eigenvalue of correlations that are no accident of rounding.
_COLLINEAR = 1e-6


def independent(rbm: RBM, data: Tensor) -> float:
    """The log-likelihood of the best model without weights, in nats per case."""
    # Densities are differences of large numbers where means are large beside deviations.
    dtype = torch.float64 if rbm.visible_layer().continuous else torch.float32
    plain = RBM(
        rbm.visible_bias.numel(),
        0,
        visible_units=rbm.visible_layer().as_argument(),
        learn_precision=rbm.visible_log_precision is not None,
        dtype=dtype,
    )
    data = data.to(dtype)
    torch_rbm.initialize(plain, data)
    return torch_rbm.log_likelihood(plain, data, progress=False).value


def gaussian(units: Units, data: Tensor) -> float | None:
    """The log-likelihood of a Gaussian with all covariances, in nats per case.

    Where only some columns are real, the others are independent of each other, and the means of
    the Gaussian linear in them.

    None without gaussian columns, beside relu ones, and where some real columns follow from others:
    a density could be as high as one likes there.
    """
    kinds = [group.type for group in units.groups for _ in range(group.size)]
    if "gaussian" not in kinds or "relu" in kinds:
        return None
    is_real = torch.tensor([kind == "gaussian" for kind in kinds])
    real, states = data[:, is_real].double(), data[:, ~is_real].double()
    scale = real.std(0, correction=0)
    real = (real - real.mean(0)) / scale
    if real.isnan().any():
        return None
    given = states - states.mean(0)
    # The smallest solution, as the columns of a categorical unit are not independent.
    slopes = torch.linalg.lstsq(given, real, driver="gelsd").solution
    covariance = torch.cov((real - given @ slopes).T, correction=0)
    shares = torch.linalg.eigvalsh(covariance.reshape(len(scale), len(scale)))
    if shares.min() < _COLLINEAR:
        return None
    logs = shares.log().sum() + 2 * scale.log().sum()
    # The mean of a quadratic form in its own cases is the number of columns.
    entropy: float = 0.5 * (logs.item() + len(shares) * (1 + math.log(2 * math.pi)))
    return -entropy - _entropy_of_states(states, [kind for kind in kinds if kind != "gaussian"])


def _entropy_of_states(states: Tensor, kinds: list[str]) -> float:
    """The entropy of units of discrete states, each by itself, in nats."""
    frequency = (states == 1).double().mean(0)
    one_of_two = torch.tensor([kind != "categorical" for kind in kinds], dtype=torch.bool)
    nats = -torch.xlogy(frequency, frequency)
    rest = 1 - frequency[one_of_two]
    return float(nats.sum() - torch.xlogy(rest, rest).sum())
