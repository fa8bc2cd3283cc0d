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
    steps = len(values)
    centred = values.double() - values.double().mean()
    variance = centred.square().mean().item()
    if variance == 0 or not math.isfinite(variance):
        return math.inf
    # Covariances of all lags at once, by the theorem of Wiener and Khinchin.
    spectrum = torch.fft.rfft(centred, n=2 * steps, dim=0).abs().square()
    sums = torch.fft.irfft(spectrum, n=2 * steps, dim=0)[:steps].mean(1)
    correlation = sums / torch.arange(steps, 0, -1, dtype=torch.float64) / variance
    time = 1 + 2 * correlation[1:].cumsum(0)
    lags = torch.arange(1, steps, dtype=torch.float64)
    inside = (lags >= _WINDOW * time).nonzero()
    return float(time[inside[0]]) if len(inside) > 0 else float(steps)


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
    drift = values[0] - values[steps // 2 + 1 :].mean(0)
    return ChainReport(
        lag=drift.mean().item(),
        lag_error=(drift.std() / len(drift) ** 0.5).item() if len(drift) > 1 else math.nan,
        autocorrelation_time=autocorrelation_time(values[steps // 2 + 1 :]),
        effective_sample_size=effective_sample_size(values[steps // 2 + 1 :]),
        acceptance=changed,
    )
