"""Greedy pretraining: one RBM after the other, each on what the layers below make of the data."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

import torch
from torch import Tensor, nn

from torch_rbm.classification import ClassificationRBM
from torch_rbm.data import Data
from torch_rbm.rbm import RBM
from torch_rbm.training import (
    History,
    LossFactory,
    OptimizerFactory,
    RBMEpoch,
    SchedulerFactory,
    fit,
)
from torch_rbm.training.factories import default_loss, linear_decay
from torch_rbm.validation import words

T = TypeVar("T")
#: A value for all layers, or one for each.
PerLayer: TypeAlias = T | Sequence[T]

# What the units of a layer are when this module follows its nn.Linear.
_UNITS: dict[type[nn.Module], str] = {
    nn.Sigmoid: "bernoulli",
    nn.Tanh: "spin",
    nn.ReLU: "relu",
}
# What comes out of such a layer, as the next one sees it: rectified values have no density that
# two layers of them could share, so they are taken as real numbers (Nair and Hinton 2010).
_SEEN_AS = {"bernoulli": "bernoulli", "spin": "spin", "relu": "gaussian"}


@dataclass(frozen=True)
class Stage:
    """An RBM to train, and what the data pass before they reach it; None for nothing."""

    rbm: RBM
    below: nn.Module | None


def pretrain_stages(
    where: str,
    stages: Sequence[Stage],
    data: Data,
    *,
    labels: Tensor | bool | None,
    epochs: PerLayer[int] | None,
    batch_size: int | None,
    loss: PerLayer[LossFactory],
    optimizer: PerLayer[OptimizerFactory] | None,
    scheduler: SchedulerFactory,
    weight_decay: float,
    average: float,
    binarize: bool,
    checkpoint: str | os.PathLike[str] | None,
    generator: torch.Generator | None,
    progress: bool,
) -> list[History[RBMEpoch]]:
    """Train the RBMs of all stages in turn; see :meth:`torch_rbm.DBN.pretrain`.

    When anything goes wrong, all of them are left as they were.
    """
    count = len(stages)
    each_epochs = _each(where, "epochs", epochs, count)
    each_loss = _each(where, "loss", loss, count)
    each_optimizer: list[OptimizerFactory | None] = [None] * count
    if optimizer is not None:
        each_optimizer = [*_each(where, "optimizer", optimizer, count)]
    before = [[p.detach().clone() for p in stage.rbm.parameters()] for stage in stages]
    histories = []
    try:
        for i, stage in enumerate(stages):
            labelled = isinstance(stage.rbm, ClassificationRBM)
            binary = all(
                group.type == "bernoulli"
                for group in stage.rbm.visible_layer().groups
                if not (labelled and group.name == "label")
            )
            histories.append(
                fit(
                    stage.rbm,
                    data,
                    labels=labels if labelled else None,
                    epochs=each_epochs[i],
                    batch_size=batch_size,
                    loss=each_loss[i],
                    optimizer=each_optimizer[i],
                    scheduler=scheduler,
                    weight_decay=weight_decay,
                    average=average,
                    binarize=binarize and binary,
                    checkpoint=None if checkpoint is None else layer_file(checkpoint, i + 1),
                    transform=stage.below,
                    generator=generator,
                    progress=progress,
                    description=f"layer {i + 1} of {count}",
                )
            )
    except Exception:
        with torch.no_grad():
            for stage, values in zip(stages, before, strict=True):
                for parameter, value in zip(stage.rbm.parameters(), values, strict=True):
                    parameter.copy_(value)
        raise
    return histories


def layer_file(checkpoint: str | os.PathLike[str], layer: int) -> Path:
    """Return the file of one layer's checkpoint: ``net.layer1.pt`` for ``net.pt``."""
    path = Path(checkpoint)
    return path.with_name(f"{path.stem}.layer{layer}{path.suffix}")


def pretrain(
    module: nn.Sequential,
    data: Data,
    *,
    visible_units: str = "bernoulli",
    epochs: PerLayer[int] | None = None,
    batch_size: int | None = None,
    loss: PerLayer[LossFactory] = default_loss,
    optimizer: PerLayer[OptimizerFactory] | None = None,
    scheduler: SchedulerFactory = linear_decay,
    weight_decay: float = 0.0,
    average: float = 0.1,
    binarize: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> list[RBM]:
    """Pretrain an ``nn.Sequential`` in place, each layer as an RBM (Hinton and Salakhutdinov 2006).

    Every ``nn.Linear`` that ``nn.Sigmoid``, ``nn.Tanh`` or ``nn.ReLU`` follows becomes the RBM of
    Bernoulli, spin or relu hidden units that has its weights and biases, is trained on what the
    modules before it make of the data, and gives them back. All other modules, such as
    ``nn.Flatten``, and linear layers without such a module behind them, stay what they are.

    Args:
        module: the network, changed in place; left as it was when anything goes wrong.
        data: what goes into the network: a tensor or NumPy array [cases, ...], a Dataset or a
            DataLoader. Batches are flattened to [batch, visible].
        visible_units: what the data are, for the first of these layers.
        epochs: passes over the data, for all these layers or for each; for None see
            :func:`torch_rbm.fit`.
        batch_size: rows of a batch; a DataLoader keeps its own; likewise.
        loss: makes the loss, for all layers or for each; see :func:`torch_rbm.fit`.
        optimizer: makes the optimizer likewise.
        scheduler: makes the scheduler.
        weight_decay: the optimizer's, for the weights.
        average: the share of each layer's training whose parameters are averaged.
        binarize: draw states of Bernoulli units from the means, anew for each batch.
        checkpoint: a file name, as in :meth:`torch_rbm.DBN.pretrain`.
        generator: shuffles the data and draws random numbers; the default generator when None.
        progress: show a progress bar for each layer.

    Returns:
        The RBMs that were trained, from below.

    Raises:
        TypeError: ``module`` is no ``nn.Sequential``.
        ValueError: it has no such layers, or an option is not as described.
    """
    where = "pretrain"
    if not isinstance(module, nn.Sequential):
        raise TypeError(f"{where}: expected module to be an nn.Sequential, got {words(module)}")
    stages = _stages(where, module, visible_units)
    training = module.training
    try:
        module.eval()  # what comes from below is without dropout
        pretrain_stages(
            where,
            stages,
            data,
            labels=None,
            epochs=epochs,
            batch_size=batch_size,
            loss=loss,
            optimizer=optimizer,
            scheduler=scheduler,
            weight_decay=weight_decay,
            average=average,
            binarize=binarize,
            checkpoint=checkpoint,
            generator=generator,
            progress=progress,
        )
    finally:
        module.train(training)
    return [stage.rbm for stage in stages]


def _stages(where: str, module: nn.Sequential, visible_units: str) -> list[Stage]:
    """Return RBMs that share their parameters with the linear layers of a network."""
    stages = []
    modules = list(module)
    for i, (linear, after) in enumerate(itertools.pairwise(modules)):
        hidden_units = _UNITS.get(type(after))
        if not isinstance(linear, nn.Linear) or hidden_units is None:
            continue
        if linear.bias is None:
            raise ValueError(f"{where}: expected linear layers with a bias, got {linear}")
        rbm = RBM(
            linear.in_features,
            linear.out_features,
            visible_units=visible_units,
            hidden_units=hidden_units,
            device=linear.weight.device,
            dtype=linear.weight.dtype,
        )
        rbm.weight = cast("nn.Parameter", linear.weight)
        rbm.hidden_bias = linear.bias
        stages.append(Stage(rbm, module[:i] if i > 0 else None))
        visible_units = _SEEN_AS[hidden_units]
    if not stages:
        raise ValueError(
            f"{where}: expected an nn.Linear followed by nn.Sigmoid, nn.Tanh or nn.ReLU in the "
            "network, found none"
        )
    return stages


def _each(where: str, name: str, value: PerLayer[T], count: int) -> list[T]:
    """Return a value for each layer.

    Raises:
        ValueError: a sequence of them has another length.
    """
    if not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{where}: expected one {name} or one for each of {count} layers, got {len(value)}"
        )
    return list(value)
