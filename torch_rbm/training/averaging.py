"""The mean of the parameters over the last part of a training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """The running mean of a module's parameters after each update from one on.

    Args:
        module: the module.
        start: the number of updates after which the mean begins.
    """

    def __init__(self, module: nn.Module, start: int) -> None:
        self._parameters: list[Tensor] = list(module.parameters())
        self._start = start
        self._means: list[Tensor] = []

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Take in the parameters after so many updates."""
        count = updates - self._start
        if count <= 0:
            return
        if not self._means:
            self._means = [parameter.detach().clone() for parameter in self._parameters]
            return
        torch._foreach_lerp_(self._means, self._parameters, 1 / count)

    @torch.no_grad()
    def apply(self) -> None:
        """Set the parameters to their means, if there are any."""
        for parameter, mean in zip(self._parameters, self._means, strict=False):
            parameter.copy_(mean)

    def state_dict(self) -> dict[str, Any]:
        """Return the means."""
        return {"means": self._means}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the means from what ``state_dict`` returned."""
        devices = [parameter.device for parameter in self._parameters]
        self._means = [mean.to(d) for mean, d in zip(state["means"], devices, strict=False)]
