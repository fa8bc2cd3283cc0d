"""Annealed importance sampling, and how its two directions are combined."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from torch_rbm import ops
from torch_rbm.progress import progress_bar
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_count


def ais_schedule(count: int) -> Tensor:
    """Inverse temperatures from 0 to 1, spaced as by Salakhutdinov and Murray (2008).

    Of 14 500 there are 500 in [0, 0.5], 4000 in [0.5, 0.9] and 10 000 in [0.9, 1]; other counts are
    divided in the same proportions.

    Args:
        count: number of inverse temperatures, 2 or more.

    Returns:
        float64, [count], rising.
    """
    count = check_count("ais_schedule", "count", count, 2)
    share = torch.tensor([0.0, 500.0, 4500.0, 14500.0], dtype=torch.float64) / 14500
    knots = [0.0, 0.5, 0.9, 1.0]
    position = torch.linspace(0, 1, count, dtype=torch.float64)
    piece = torch.searchsorted(share, position).clamp(1, 3)
    values = torch.tensor(knots, dtype=torch.float64)
    low, high = values[piece - 1], values[piece]
    start, end = share[piece - 1], share[piece]
    return low + (high - low) * (position - start) / (end - start)


class Path:
    """The annealing path between a base model and an RBM, walked in either direction."""

    def __init__(
        self,
        rbm: RBM,
        base: Tensor,
        betas: Tensor,
        generator: torch.Generator | None,
        progress: bool,
    ) -> None:
        self._rbm = rbm
        self._base = base.detach()
        self._betas = betas
        self._generator = generator
        self._progress = progress

    def base_samples(self, count: int) -> Tensor:
        """Return samples of the base model, [count, visible]."""
        nothing = self._rbm.weight.new_zeros(count, len(self._rbm.hidden_bias))
        return ops.sample_visible(
            nothing,
            self._rbm.weight,
            self._base,
            visible_units=self._rbm.visible_units,
            visible_precision=self._rbm.visible_precision(),
            generator=self._generator,
        )

    def base_log_z(self) -> float:
        """Σ Γ(b₀) + Σ Γ(0)."""
        precision = self._rbm.visible_precision()
        visible = ops.cumulant(
            self._base.double(),
            units=self._rbm.visible_units,
            precision=None if precision is None else precision.double(),
        )
        nothing = torch.zeros_like(self._rbm.hidden_bias, dtype=torch.float64)
        return (visible + ops.cumulant(nothing, units=self._rbm.hidden_units)).item()

    def walk(self, chain: Tensor, direction: str) -> tuple[Tensor, Tensor]:
        """Return the log weights, float64, [chains], and the states that they belong to."""
        betas = self._betas if direction == "forward" else self._betas.flip(0)
        log_weight = torch.zeros(len(chain), dtype=torch.float64, device=chain.device)
        # Pieces of the path, so that progress is seen and the keyboard heard; each starts where the
        # one before it ended.
        piece = max(len(betas) // 50, 1)
        steps = len(betas) - 1
        with progress_bar(steps, f"AIS {direction}", shown=self._progress) as bar:
            for first in range(0, steps, piece):
                part = betas[first : first + piece + 1]
                increment, chain = ops.annealed_importance_sampling(
                    chain,
                    self._rbm.weight,
                    self._rbm.visible_bias,
                    self._rbm.hidden_bias,
                    self._base,
                    part,
                    **self._rbm.unit_options(),
                    generator=self._generator,
                )
                log_weight += increment
                bar.update(len(part) - 1)
        return log_weight, chain


def effective_weights(log_weight: Tensor) -> float:
    """(Σ w)² / Σ w² of weights given as logarithms."""
    return (2 * log_weight.logsumexp(0) - (2 * log_weight).logsumexp(0)).exp().item()


def bennett(forward: Tensor, reverse: Tensor) -> tuple[float, float]:
    """Log ratio of partition functions by Bennett's (1976) acceptance ratio.

    Args:
        forward: log weights on the way from 0 to 1, float64, [n₀], whose mean exponential estimates
            Z₁ / Z₀.
        reverse: log weights on the way back, float64, [n₁].

    Returns:
        log Z₁ − log Z₀, and its standard error by the delta method.
    """
    shift = math.log(len(forward) / len(reverse))

    def terms(ratio: float) -> tuple[Tensor, Tensor]:
        return torch.sigmoid(forward - ratio - shift), torch.sigmoid(reverse + ratio + shift)

    margin = 2 * abs(shift) + 1  # beyond it one side's terms outweigh the other's
    low = min(forward.min().item(), -reverse.max().item()) - margin
    high = max(forward.max().item(), -reverse.min().item()) + margin
    for _ in range(100):  # bisection down to the last bit: the difference falls with the ratio
        ratio = (low + high) / 2
        there, back = terms(ratio)
        low, high = (ratio, high) if there.sum() > back.sum() else (low, ratio)
    variance = 0.0
    for term in terms(ratio):
        variance += ((term.square().mean() / term.mean().square() - 1) / len(term)).item()
    return ratio, math.sqrt(max(variance, 0.0))


def log_mean(log_weight: Tensor) -> float:
    """Logarithm of the mean of weights given as logarithms."""
    return log_weight.logsumexp(0).item() - math.log(len(log_weight))
