"""How much better a case is rated than its units rate on average."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# So many ratings of no difference are added to those of a unit, or a case.
_SMOOTHING = 3.0


class Quality(nn.Module):
    """The mean difference between a case's levels and the means of their units, shrunk to 0.

    What a bias of the case is in a model of biases, as a feature.

    Args:
        units: number of units.
        dtype: of the numbers.

    Attributes:
        unit_mean: mean level of each unit, [units + 1]; the last is that of all.
        spread: standard deviation of the differences.
    """

    def __init__(self, units: int, *, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.smoothing = _SMOOTHING
        self.unit_mean = nn.Buffer(torch.zeros(units + 1, dtype=dtype))
        self.spread = nn.Buffer(torch.ones((), dtype=dtype))

    @torch.jit.unused
    @torch.no_grad()
    def fit(self, units: Tensor, levels: Tensor) -> None:
        """Set the means, from ratings [ratings]."""
        count = len(self.unit_mean)
        mean = levels.double().mean()
        total = torch.bincount(units, levels - mean, count)
        self.unit_mean.copy_(
            mean + total / (torch.bincount(units, minlength=count) + self.smoothing)
        )
        self.spread.copy_(self.differences(units, levels).std().clamp(min=1e-3))

    def differences(self, units: Tensor, levels: Tensor) -> Tensor:
        """Levels less the means of their units, [ratings]."""
        return levels - self.unit_mean[units]

    def of(self, total: Tensor, count: Tensor) -> Tensor:
        """The quality of cases with so many differences of this sum, both [cases]."""
        return total / (count + self.smoothing) / self.spread
