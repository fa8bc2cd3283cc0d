"""Exchanges of states between two models: proposals, and what their rates tell."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from torch_rbm.diagnostics import lagged_products, windowed

# The sum of autocorrelations ends where the lag is this many times the time found so far.
_WINDOW = 6
# Correlations below this are noise.
_LEAST_CORRELATION = 0.05


class Proposals(NamedTuple):
    """To exchange each chain with a sample of its own.

    Attributes:
        chosen: places in the reservoir, [chains].
        accepted: bool, [chains].
        frozen_energy: free energies of the chains under the frozen model, [chains].
        rate: the mean rate.
    """

    chosen: Tensor
    accepted: Tensor
    frozen_energy: Tensor
    rate: float


def decide(rate: float, updates: int, acceptance: float, least: float) -> str:
    """What to do about the last step: go on, freeze the model, or take the step back.

    Args:
        rate: the rate of exchange with the frozen model.
        updates: since it was frozen or returned to.
        acceptance: the rate below which to freeze.
        least: the rate below which to take back.
    """
    if rate >= acceptance:
        return "go on"
    return "freeze" if rate >= least and updates > 1 else "take back"


def exchange_times(accepted: Tensor) -> tuple[float, float]:
    """Integrated and longest autocorrelation time of exchanges, in sweeps.

    A state's level flips with each accepted exchange: s(t) = ±1, C(t) = ⟨s(u) s(u + t)⟩ without
    its mean, τ = ½ + Σ C(t) up to 6 τ, and the largest of −t / ln C(t) where C(t) > 0.05.

    Args:
        accepted: bool, [sweeps, chains].
    """
    sweeps = float(len(accepted))
    level = 1.0 - 2.0 * (accepted.long().cumsum(0) % 2).double()
    correlation = lagged_products(level)[1 : len(accepted) // 2 + 1]
    integrated = max(windowed(0.5 + correlation.cumsum(0), _WINDOW, sweeps), 0.5)
    if bool((correlation >= 1).any()):
        return integrated, sweeps
    lags = correlation.new_ones(len(correlation)).cumsum(0)
    slow = correlation > _LEAST_CORRELATION
    longest = float((-lags / correlation.log())[slow].max()) if bool(slow.any()) else 0.0
    return integrated, longest
