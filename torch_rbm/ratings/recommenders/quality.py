"""How much more than others cases get, and units give."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Quality(nn.Module):
    """What biases are in a model of biases, as features: mean differences, shrunk towards 0.

    The quality of a case is how far its levels are above the means of their units; the generosity
    of a unit is how far its levels are above the mean of all.

    Args:
        units: number of units.
        dtype: of the numbers.

    Attributes:
        mean: of all levels.
        unit_mean: shrunk mean level of each unit, [units + 1]; the last is that of all.
        spread: standard deviation of the levels around those of their units.
        smoothing: so many ratings without a difference are added to those of a case, or a unit.
    """

    def __init__(self, units: int, *, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.smoothing = 3.0
        self.mean = nn.Buffer(torch.zeros((), dtype=dtype))
        self.unit_mean = nn.Buffer(torch.zeros(units + 1, dtype=dtype))
        self.spread = nn.Buffer(torch.ones((), dtype=dtype))

    @torch.jit.unused
    @torch.no_grad()
    def fit(self, units: Tensor, levels: Tensor) -> None:
        """Set the means, from ratings [ratings]."""
        count = len(self.unit_mean)
        mean = levels.double().mean()
        total = torch.bincount(units, levels - mean, count)
        self.mean.copy_(mean)
        self.unit_mean.copy_(
            mean + total / (torch.bincount(units, minlength=count) + self.smoothing)
        )
        self.spread.copy_(self.differences(units, levels).std().clamp(min=1e-3))

    def differences(self, units: Tensor, levels: Tensor) -> Tensor:
        """Levels less the means of their units, [ratings]."""
        return levels - self.unit_mean[units]

    def of(self, total: Tensor, count: Tensor) -> Tensor:
        """The quality, or generosity, where so many differences have this sum."""
        return total / (count + self.smoothing) / self.spread

    def total(self, feature: Tensor, count: Tensor) -> Tensor:
        """The sum of so many differences that give this feature."""
        return feature * self.spread * (count + self.smoothing)

    def generosity(self, units: Tensor) -> Tensor:
        """That of units, [units]."""
        return (self.unit_mean[units] - self.mean) / self.spread
