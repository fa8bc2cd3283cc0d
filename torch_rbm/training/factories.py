"""What a training is made of, made for an RBM: loss, optimizer, scheduler."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm.centering import all_learn
from torch_rbm.losses import PersistentContrastiveDivergence
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_factory

#: Makes an optimizer for parameters or groups of them, such as ``torch.optim.Adam``.
OptimizerFactory = Callable[[Iterable[Any]], torch.optim.Optimizer]
#: Makes a loss for an RBM, such as ``ContrastiveDivergence``.
LossFactory = Callable[[RBM], nn.Module]
#: Makes a scheduler for an optimizer and the number of updates of the whole training.
SchedulerFactory = Callable[[torch.optim.Optimizer, int], torch.optim.lr_scheduler.LRScheduler]

_PRECISION_RATE = 0.01


def default_loss(rbm: RBM) -> PersistentContrastiveDivergence:
    """Make a loss of 100 persistent chains, one step, centred where weight and biases all learn."""
    return PersistentContrastiveDivergence(rbm, centered=all_learn(rbm))


def sgd(parameters: Iterable[Any], lr: float = 0.2) -> torch.optim.Optimizer:
    """Make plain stochastic gradient descent; momentum makes chains lag behind the weights."""
    return torch.optim.SGD(parameters, lr=lr)


def adam(parameters: Iterable[Any], lr: float = 1e-3) -> torch.optim.Optimizer:
    """Make Adam, which suits backpropagation; for sampled gradients plain steps are better.

    The fused one: it reads the parameters once, the other ten times.
    """
    return torch.optim.Adam(parameters, lr=lr, fused=True)


def default_rate(rbm: RBM) -> float:
    """A learning rate that suits the units: 0.2, and 0.5 / √n at most for n real visible ones.

    Real are gaussian and relu units; where the hidden layer has any, all visible ones count. The
    more of them go together, the steeper is the likelihood, and the sooner training diverges.
    """
    visible = rbm.visible_layer()
    real = sum(group.size for group in visible.groups if group.continuous)
    if rbm.hidden_layer().continuous:
        real = visible.size
    return min(0.2, 0.5 / math.sqrt(max(real, 1)))


def default_optimizer(rbm: RBM, rate: float | None = None) -> OptimizerFactory:
    """Plain stochastic gradient descent, in which precisions learn at 0.01 at most.

    Their gradients grow with the squares of the distances of outliers, which at the rate of the
    weights would make a unit so wide in one step that it never comes back.

    Args:
        rbm: what is to be trained.
        rate: the learning rate; :func:`default_rate` when None.
    """
    rate = default_rate(rbm) if rate is None else rate
    return functools.partial(_sgd_with_precisions, lr=rate, precision=rbm.visible_log_precision)


def _sgd_with_precisions(
    parameters: Iterable[Any], lr: float, precision: Tensor | None
) -> torch.optim.Optimizer:
    optimizer = sgd(parameters, lr)
    for group in list(optimizer.param_groups):
        rest = [parameter for parameter in group["params"] if parameter is not precision]
        if len(rest) < len(group["params"]):
            group["params"] = rest
            slow = {"params": [precision], "lr": min(lr, _PRECISION_RATE)}
            optimizer.add_param_group({**group, **slow})
    return optimizer


class LinearDecay(torch.optim.lr_scheduler.LRScheduler):
    """See :func:`linear_decay`. A rate that something else halves on the way stays halved."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        updates: int,
        hold: float,
        warm_up: float,
        part: tuple[float, float],
    ) -> None:
        start, end = part
        self.whole = max(updates, 1) / (end - start)
        self.first = start * self.whole
        self.hold = hold
        self.warm_up = warm_up
        super().__init__(optimizer)

    def share(self, update: int) -> float:
        """Return the share of the optimizer's rate that an update of this part has."""
        done = self.first + update
        rise = (done + 1) / (self.warm_up * self.whole) if self.warm_up > 0 else 1.0
        fall = (self.whole - done) / ((1 - self.hold) * self.whole) if self.hold < 1 else 1.0
        return min(rise, max(fall, 0.0), 1.0)

    def get_lr(self) -> list[float | Tensor]:
        """Return the rates of the next update."""
        before = self.share(self.last_epoch - 1) if self.last_epoch > 0 else 1.0
        factor = self.share(self.last_epoch) / before if before > 0 else 0.0
        return [group["lr"] * factor for group in self.optimizer.param_groups]


def linear_decay(
    optimizer: torch.optim.Optimizer,
    updates: int,
    hold: float = 0.0,
    warm_up: float = 0.0,
    part: tuple[float, float] = (0.0, 1.0),
) -> torch.optim.lr_scheduler.LRScheduler:
    """Let the learning rate fall linearly to zero by the end of the training.

    After the share t of the training it is the optimizer's times min(t / warm_up, 1,
    (1 − t) / (1 − hold)).

    Args:
        optimizer: whose learning rate is meant.
        updates: of the whole training, or of a ``part`` of it.
        hold: the share of the training in which the rate stays as it is, before it falls.
        warm_up: the share of the training in which the rate rises from zero first. Rates that
            would leave many hidden units always on or always off from the start are useful then.
        part: the shares of the whole training at which these updates begin and end, where it is
            made in several calls of ``fit``.

    Raises:
        ValueError: a share is not in [0, 1], or no part of the training is left.
    """
    for name, value in [("hold", hold), ("warm_up", warm_up)]:
        if not 0 <= value <= 1:
            raise ValueError(f"linear_decay: expected {name} in [0, 1], got {value}")
    if not 0 <= part[0] < part[1] <= 1:
        raise ValueError(f"linear_decay: expected 0 <= start < end <= 1 as part, got {part}")
    return LinearDecay(optimizer, updates, hold, warm_up, part)


def parameter_groups(module: nn.Module, weight_decay: float) -> list[Any]:
    """The parameters of a module, in groups where weights decay and biases do not."""
    if weight_decay == 0:
        return list(module.parameters())
    weights: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        # Biases of ratings have two dimensions.
        is_weight = parameter.dim() > 1 and not name.endswith("bias")
        (weights if is_weight else rest).append(parameter)
    return [
        {"params": weights, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


def check_training_options(
    where: str, scheduler: object, weight_decay: float, average: float
) -> None:
    """Require options that any training has.

    Raises:
        TypeError, ValueError: one is not as described.
    """
    check_factory(where, "scheduler", scheduler, "torch_rbm.linear_decay")
    for name, value, top in [("weight_decay", weight_decay, math.inf), ("average", average, 1.0)]:
        if not 0 <= value <= top:
            raise ValueError(f"{where}: expected {name} in [0, {top:g}], got {value}")
