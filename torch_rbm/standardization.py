"""Training on standardised data, for models of the data as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from torch_rbm.persistence import made
from torch_rbm.rbm import RBM
from torch_rbm.sparse import as_cases, is_csr
from torch_rbm.units import Units


@dataclass(frozen=True)
class Standardization:
    """Columns of gaussian units with mean 0 and variance 1, for training; others as they are.

    Learning rates suit such columns. What is learned from them is turned into a model of the data
    as they are by :meth:`of_raw_data`.

    Attributes:
        mean: what is subtracted, [visible].
        scale: what is divided by after that, [visible].
        continuous: whether there are gaussian or relu units; without them data stay as they are.
    """

    mean: Tensor
    scale: Tensor
    continuous: bool

    @classmethod
    def of(cls, data: Tensor | Any, units: Units) -> Standardization:
        """Measure mean and deviation of columns; those that do not vary keep their scale.

        Args:
            data: [cases, visible], strided or CSR, a NumPy array or a data frame; NaN is missing.
            units: what the columns are, ``rbm.visible_layer()``.

        Raises:
            ValueError: there are no cases, or other columns than units.
        """
        data = as_cases(data)
        if data.dim() != 2 or data.shape[1] != units.size or len(data) == 0:
            raise ValueError(
                f"Standardization: expected data of shape [cases, {units.size}], got "
                f"{list(data.shape)}"
            )
        mean, scale = torch.zeros(units.size), torch.ones(units.size)
        for group in units.groups:
            if group.type == "gaussian":
                columns = _dense(data)[:, group.slice].double()
                average = columns.nanmean(0).nan_to_num()
                mean[group.slice] = average.float()
                spread = (columns - average).square().nanmean(0).sqrt().float()
                scale[group.slice] = torch.where(spread > 0, spread, 1.0)
        return cls(mean, scale, units.continuous)

    @property
    def log_density_shift(self) -> float:
        """What log-densities of standardised data lack to be of the data as they are, in nats."""
        return -self.scale.double().log().sum().item()

    def apply(self, data: Tensor | Any) -> Tensor:
        """Return data, [cases, visible], standardised, float32; as they are if none are real."""
        cases: Tensor = as_cases(data)
        if not self.continuous:
            return cases
        return ((_dense(cases) - self.mean) / self.scale).float()

    @torch.no_grad()
    def of_raw_data(self, rbm: RBM) -> RBM:
        """Return an RBM of standardised data as one of the data as they are.

        Densities are those of the data as they are. In float64, as there are differences of large
        numbers where means are large; the RBM itself if none of its visible units are continuous.

        Args:
            rbm: the RBM, which is not changed.

        Returns:
            An RBM with learned precisions.
        """
        if not self.continuous:
            return rbm
        as_they_are = {"dtype": "float64", "learn_precision": True}
        result = cast("RBM", made(rbm.description() | as_they_are))
        mean, scale = self.mean.double(), self.scale.double()
        log_precision = cast("Tensor", result.visible_log_precision)
        result.load_state_dict({"visible_log_precision": log_precision, **rbm.state_dict()})
        log_precision.sub_(2 * scale.log())
        result.weight.div_(scale)
        result.hidden_bias.sub_(result.weight @ mean)
        result.visible_bias.div_(scale).add_(log_precision.exp() * mean)
        return result

    @torch.no_grad()
    def take_raw_data(self, linear: nn.Linear) -> None:
        """Let a layer of standardised data have the data as they are."""
        linear.weight.div_(self.scale)
        linear.bias.sub_(linear.weight @ self.mean)

    @torch.no_grad()
    def give_raw_data(self, linear: nn.Linear) -> None:
        """Let a layer whose outputs are standardised data return the data as they are."""
        linear.weight.mul_(self.scale[:, None])
        linear.bias.mul_(self.scale).add_(self.mean)


def _dense(data: Tensor) -> Tensor:
    return data.to_dense() if is_csr(data) else data
