"""Whether data of gaussian units have a scale that learning rates are made for."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from torch_rbm.distributed import is_spread
from torch_rbm.rbm import RBM

# Of so many cases distances are measured, and so many standard deviations are far.
_ROWS = 1000
_FAR = 10.0


@torch.no_grad()
def warn_of_scale(where: str, rbm: RBM, data: Tensor) -> None:
    """Warn of columns that gaussian units begin far from: a step for one is far too long for it.

    Args:
        where: the caller's name, for messages.
        rbm: the model, before its training.
        data: [cases, visible]; NaN is missing.
    """
    gaussian = [group.slice for group in rbm.visible_layer().groups if group.type == "gaussian"]
    if not gaussian or is_spread(rbm.weight):
        return
    precision = rbm.visible_precision()
    precision = torch.ones_like(rbm.visible_bias) if precision is None else precision
    rows = data[:_ROWS].to(rbm.weight)
    deviations = (rows - rbm.visible_bias / precision) * precision.sqrt()
    distance = deviations.square().nanmean(0).sqrt()
    far = [part.start + int(i) for part in gaussian for i in (distance[part] > _FAR).nonzero()]
    if far:
        warnings.warn(
            f"{where}: column {far[0]} is, on average, {distance[far[0]]:.3g} standard deviations "
            "from where its gaussian unit begins, and learning rates are for 1: "
            "torch_rbm.Standardization makes it so, torch_rbm.initialize sets the mean",
            stacklevel=3,
        )
