"""How well Markov chains mix, and whether they keep up with the model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from torch_rbm.rbm import RBM
from torch_rbm.validation import as_rows, check_count, check_rbm

# The sum of autocorrelations ends where the lag is this many times the time found so far (Sokal).
_WINDOW = 5


def autocorrelation_time(values: Tensor) -> float:
    """Integrated autocorrelation time of chains, 1 + 2 Σ ρ(t), in steps (Sokal 1997).

    So many steps of a chain are worth one independent sample. The sum over lags t is cut off where
    t reaches five times the value so far; the estimate is good where the chains are many times
    longer than it.

    Args:
        values: a quantity at each step of each chain, [steps, chains], such as free energies.

    Returns:
        At least 1 for chains that do not alternate; the number of steps where the sum does not end
        before; infinite where nothing varies.

    Raises:
        ValueError: there are fewer than two steps.
    """
    if values.dim() != 2 or len(values) < 2:
        raise ValueError(
            "autocorrelation_time: expected values [steps, chains] of two or more steps, "
            f"got {list(values.shape)}"
        )
    centred = values.double() - values.double().mean()
    products = lagged_products(centred)
    variance = products[0].item()
    if variance == 0 or not math.isfinite(variance):
        return math.inf
    time = 1 + 2 * (products[1:] / variance).cumsum(0)
    return windowed(time, _WINDOW, float(len(values)))


def lagged_products(values: Tensor) -> Tensor:
    """Means of x(u) x(u + t) over times u and chains, for every lag t, float64 [steps].

    Args:
        values: [steps, chains].
    """
    steps = len(values)
    # All lags at once, by the theorem of Wiener and Khinchin.
    spectrum = torch.fft.rfft(values.double(), n=2 * steps, dim=0).abs().square()
    sums = torch.fft.irfft(spectrum, n=2 * steps, dim=0)[:steps].mean(1)
    products: Tensor = sums.cpu() / torch.arange(steps, 0, -1, dtype=torch.float64)
    return products


def windowed(time: Tensor, window: float, otherwise: float) -> float:
    """The sum of autocorrelations up to the first lag that is ``window`` times as large.

    Args:
        time: the sums up to lag 1, 2, and so on.
        window: how many times.
        otherwise: what to return where there is no such lag.
    """
    lags = torch.arange(1, len(time) + 1, dtype=torch.float64)
    inside = (lags >= window * time).nonzero()
    return float(time[inside[0]]) if len(inside) > 0 else otherwise


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """The mean of independent values, and its standard error; NaN of a single one."""
    error = values.std().item() / len(values) ** 0.5 if len(values) > 1 else math.nan
    return values.mean().item(), error


def effective_sample_size(values: Tensor) -> float:
    """How many independent samples the steps of chains are worth, steps · chains / time.

    Args:
        values: a quantity at each step of each chain, [steps, chains].
    """
    return values.numel() / max(autocorrelation_time(values), 1.0)


@dataclass(frozen=True)
class ChainReport:
    """What Gibbs steps from given states tell about them.

    Attributes:
        lag: mean free energy of the states minus that after the steps, in nats: 0 for samples of
            the model, positive for chains that are behind it.
        lag_error: its standard error.
        autocorrelation_time: of the free energy, in steps.
        effective_sample_size: of all steps of all chains.
        acceptance: share of visible units that change in a step.
    """

    lag: float
    lag_error: float
    autocorrelation_time: float
    effective_sample_size: float
    acceptance: float

    def __str__(self) -> str:
        """Return all numbers in one line."""
        return (
            f"lag {self.lag:.2f} ± {self.lag_error:.2f} nats, autocorrelation time "
            f"{self.autocorrelation_time:.1f} steps, effective sample size "
            f"{self.effective_sample_size:.0f}, {self.acceptance:.1%} of units change in a step"
        )


@torch.no_grad()
def diagnose_chains(
    rbm: RBM, chain: Tensor, steps: int = 1000, generator: torch.Generator | None = None
) -> ChainReport:
    """Make Gibbs steps from ``chain`` and see how the chains mix, and how far they drift.

    A free energy that drifts shows that the states were no samples of the model: chains of PCD lag
    behind when the learning rate is too high for their steps. That nothing drifts does not show
    that every mode is visited: chains that never leave theirs look well, too.

    Args:
        rbm: the model.
        chain: states, [..., visible], such as ``loss.chain``; they are not changed.
        steps: Gibbs steps.
        generator: source of random numbers; the default generator when None.
    """
    check_rbm("diagnose_chains", rbm)
    steps = check_count("diagnose_chains", "steps", steps, 2)
    rbm.visible_layer().check("diagnose_chains", "chain", chain, states=True)
    states = as_rows(chain)
    energies = [rbm.free_energy(states).double()]
    changed = 0.0
    for _ in range(steps):
        moved, _ = rbm.gibbs(states, generator=generator)
        changed += (moved != states).double().mean().item() / steps
        states = moved
        energies.append(rbm.free_energy(states).double())
    values = torch.stack(energies)
    # The states of the second half of the steps, taken together, are less noisy than the last.
    late = values[steps // 2 + 1 :]
    lag, error = mean_and_error(values[0] - late.mean(0))
    return ChainReport(
        lag=lag,
        lag_error=error,
        autocorrelation_time=autocorrelation_time(late),
        effective_sample_size=effective_sample_size(late),
        acceptance=changed,
    )
