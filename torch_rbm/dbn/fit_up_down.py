"""Training a deep belief net as a model of data."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from torch_rbm.data import Batches, Data
from torch_rbm.dbn.net import DBN
from torch_rbm.dbn.up_down import UpDown
from torch_rbm.losses import ContrastiveDivergence
from torch_rbm.training import (
    Callback,
    History,
    LossFactory,
    OptimizerFactory,
    SchedulerFactory,
    SupervisedEpoch,
    linear_decay,
)
from torch_rbm.training.early_stopping import EarlyStopping
from torch_rbm.training.factories import check_training_options, sgd
from torch_rbm.training.fine_tuning import Supervised, SupervisedMonitor
from torch_rbm.training.fit import draw_states
from torch_rbm.training.loop import Training
from torch_rbm.validation import check_factory

_default_optimizer = functools.partial(sgd, lr=0.1)


def fit_up_down(
    dbn: DBN,
    data: Data,
    labels: Tensor | bool | None = None,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    top: LossFactory = ContrastiveDivergence,
    mean_visible: bool = False,
    discriminative: float = 0.0,
    dropout: float = 0.0,
    optimizer: OptimizerFactory = _default_optimizer,
    scheduler: SchedulerFactory = linear_decay,
    weight_decay: float = 0.0,
    average: float = 0.1,
    binarize: bool = False,
    validation: tuple[Tensor, Tensor] | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 60.0,
    generator: torch.Generator | None = None,
    progress: bool = True,
    description: str = "up-down",
) -> History[SupervisedEpoch]:
    """Fine-tune all layers of a deep belief net together, by :class:`torch_rbm.UpDown`.

    Args:
        dbn: the net, pretrained and with untied weights, changed in place; left as it was when
            anything goes wrong.
        data: states or means of the visible units: a tensor or NumPy array [cases, ...], a Dataset
            or a DataLoader.
        labels: classes of the cases for a net with classes, int64 [cases], or True for the second
            elements of the items of a Dataset or a DataLoader.
        epochs: passes over the data; when None 10, or more, so that there are 5,000 updates.
        batch_size: rows of a batch; a DataLoader keeps its own. When None 100, or where there are
            fewer than 10,000 cases a hundredth of them, but 10 at least.
        top: makes the loss of the top RBM; see :class:`torch_rbm.UpDown`.
        mean_visible: see :class:`torch_rbm.UpDown`.
        discriminative: the share of −log p(label | data); see :class:`torch_rbm.UpDown`.
        dropout: the share of units left out for it.
        optimizer: makes the optimizer for all parameters.
        scheduler: makes the scheduler, which is stepped after every update.
        weight_decay: the optimizer's, for the weights.
        average: the share of the training, at its end, whose parameters are averaged.
        binarize: take grey values in [0, 1] as probabilities, and draw states anew for each batch.
        validation: data and their classes, for a net with classes: the share that is recognised
            wrongly is measured after each epoch.
        patience: end the training after so many epochs without fewer errors.
        callbacks: listen to the training; see :class:`torch_rbm.Callback`.
        checkpoint: a file to go on from; see :func:`torch_rbm.fit`.
        checkpoint_seconds: time between two checkpoints.
        generator: shuffles the data and draws random numbers; the default generator when None.
        progress: show a progress bar.
        description: the words in front of the bar.

    Returns:
        What was measured in each epoch.

    Raises:
        TypeError, ValueError: an argument is not as described.
        FloatingPointError: training diverged; the learning rate is too high.
    """
    where = "fit_up_down"
    criterion = UpDown(
        dbn, top, mean_visible=mean_visible, discriminative=discriminative, dropout=dropout
    )
    check_factory(where, "optimizer", optimizer, "torch.optim.SGD")
    check_training_options(where, scheduler, weight_decay, average)
    dbn.check_labels(where, labels)
    if validation is not None and dbn.classes == 0:
        raise ValueError(f"{where}: expected validation data only for a net with classes")
    like = dbn.layers[-1].weight
    batches = Batches(where, data, batch_size, like, generator, labels)

    def prepare(batch: Tensor, beside: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        states = draw_states(batch, generator) if binarize else batch
        return states, () if beside is None else (beside, batch)

    recognition = Supervised(where, dbn, nn.functional.nll_loss)
    training = Training(
        where,
        dbn,
        criterion,
        batches,
        SupervisedMonitor(where, recognition, validation, flatten=True),
        EarlyStopping(where, patience, validated=validation is not None),
        optimizer=optimizer,
        scheduler=scheduler,
        epochs=epochs,
        weight_decay=weight_decay,
        average=average,
        prepare=prepare,
        penalty=None,
        callbacks=callbacks,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
        options={"binarize": binarize},
        generator=generator,
    )
    return training.run(description, progress)
