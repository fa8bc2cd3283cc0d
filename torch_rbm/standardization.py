"""Training on standardised data, for models of the data as they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from torch_rbm.rbm import RBM
from torch_rbm.sparse import is_csr
from torch_rbm.units import Units


@dataclass(frozen=True)
class Standardization:
    """Columns of gaussian units with mean 0 and variance 1; others as they are.

    Attributes:
        mean: what is subtracted, [visible].
        scale: what is divided by after that, [visible].
        continuous: whether there are gaussian or relu units; without them data stay as they are.
    """

    mean: Tensor
    scale: Tensor
    continuous: bool

    @classmethod
    def of(cls, data: Tensor, units: Units) -> Standardization:
        """That of data, [cases, visible], strided or CSR, whose units these are; NaN is missing."""
        mean, scale = torch.zeros(units.size), torch.ones(units.size)
        for group in units.groups:
            if group.type == "gaussian":
                columns = _dense(data)[:, group.slice].double()
                average = columns.nanmean(0).nan_to_num()
                mean[group.slice] = average.float()
                spread = (columns - average).square().nanmean(0).sqrt().float()
                scale[group.slice] = torch.where(spread > 0, spread, 1.0)
        return cls(mean, scale, units.continuous)

    def apply(self, data: Tensor) -> Tensor:
        """Data as they are to data that are standardised."""
        if not self.continuous:
            return data
        return ((_dense(data) - self.mean) / self.scale).float()

    @torch.no_grad()
    def of_raw_data(self, rbm: RBM) -> RBM:
        """An RBM with learned precisions of standardised data, as one of the data as they are.

        Itself if none of them are continuous.

        In float64, as there are differences of large numbers where means are large.
        """
        if not self.continuous:
            return rbm
        description = rbm.description() | {"dtype": torch.float64}
        description.pop("class")
        result = RBM(**description)
        mean, scale = self.mean.double(), self.scale.double()
        precision = rbm.visible_log_precision
        result.load_state_dict(rbm.state_dict())
        result.weight.div_(scale)
        result.hidden_bias.sub_(result.weight @ mean)
        gamma = torch.ones_like(scale) if precision is None else precision.double().exp()
        result.visible_bias.div_(scale).add_(gamma * mean / scale.square())
        if result.visible_log_precision is not None:
            result.visible_log_precision.sub_(2 * scale.log())
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
