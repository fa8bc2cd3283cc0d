"""Training an RBM."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_rbm import ops
from torch_rbm.data import Batches, Data
from torch_rbm.distributed import own_key
from torch_rbm.rbm import RBM
from torch_rbm.sparse import as_cases, is_csr
from torch_rbm.training.callbacks import Callback
from torch_rbm.training.early_stopping import EarlyStopping
from torch_rbm.training.factories import (
    LossFactory,
    OptimizerFactory,
    SchedulerFactory,
    check_training_options,
    default_loss,
    default_optimizer,
    linear_decay,
)
from torch_rbm.training.history import History, RBMEpoch
from torch_rbm.training.loop import Training
from torch_rbm.training.monitoring import RBMMonitor
from torch_rbm.training.scale import warn_of_scale
from torch_rbm.training.sparsity import SparsityTarget, check_sparsity
from torch_rbm.validation import check_factory, check_rbm


def fit(
    rbm: RBM,
    data: Data,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    loss: LossFactory = default_loss,
    optimizer: OptimizerFactory | None = None,
    scheduler: SchedulerFactory = linear_decay,
    weight_decay: float = 0.0,
    sparsity: SparsityTarget | None = None,
    average: float = 0.1,
    binarize: bool = False,
    observed: Tensor | None = None,
    labels: Tensor | bool | None = None,
    validation: Tensor | Any = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 60.0,
    transform: Callable[[Tensor], Tensor] | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
    description: str = "fit",
) -> History[RBMEpoch]:
    """Train an RBM; when anything goes wrong its parameters are left as they were.

    Args:
        rbm: the RBM, changed in place.
        data: states of the visible units, or means such as probabilities of Bernoulli units: a
            tensor or NumPy array [cases, ...], which may be a memory-mapped file, a CSR tensor or a
            matrix of scipy.sparse, a Dataset or a DataLoader. A tensor is checked as a whole before
            training, everything else batch by batch. Floating-point data are cast to the dtype of
            the RBM.
        epochs: passes over the data; when None 10, or more, so that there are 5,000 updates.
        batch_size: rows of a batch; a DataLoader keeps its own. When None 100, or where there are
            fewer than 10,000 cases a hundredth of them, but 10 at least.
        loss: makes the loss for the RBM: by default centred PCD-1 with 100 chains; for others
            ``functools.partial(PersistentContrastiveDivergence, chains=500, steps=5)``.
        optimizer: makes the optimizer for the parameters: by default SGD with learning rate 0.2,
            but 0.5 / √n at most for n gaussian or relu visible units, or n visible ones of any type
            under hidden ones of these, and 0.01 at most for precisions; for others
            ``functools.partial(torch.optim.Adam, lr=1e-2)``.
        scheduler: makes the scheduler, which is stepped after every update, for the optimizer and
            the number of updates: by default the learning rate falls linearly to zero;
            ``functools.partial(torch_rbm.linear_decay, hold=0.6)`` keeps it for a while first, and
            ``warm_up=0.1`` lets it rise from zero, for higher rates than the default.
        weight_decay: the optimizer's, for the weights; biases do not decay.
        sparsity: a penalty on hidden units that are active too often; see
            :class:`torch_rbm.SparsityTarget`.
        average: the share of the training, at its end, whose parameters are averaged (Polyak and
            Juditsky 1992) to be the result; 0 for the last ones.
        binarize: take grey values in [0, 1] as probabilities, and draw states anew for each batch.
        observed: bool, [cases, visible] or [visible]: where false, a value is missing. For losses
            that take a mask, such as :class:`torch_rbm.ContrastiveDivergence`.
        labels: for a :class:`torch_rbm.ClassificationRBM`: the classes of the cases, int64 [cases],
            or True for the second elements of the items of a Dataset or a DataLoader; ``data`` are
            then without labels. Without, ``data`` hold both.
        validation: states [cases, visible], a table as ``data``, whose mean log-likelihood is
            estimated after each epoch, by AIS with 1000 temperatures where it cannot be exact.
        patience: end the training after so many epochs without a better validation likelihood, and
            keep the parameters of the best one.
        callbacks: listen to the training; see :class:`torch_rbm.Callback`.
        checkpoint: a file that is written every ``checkpoint_seconds`` and at the end, and from
            which the same call goes on, bit for bit, wherever it was stopped. Ctrl-C writes it too.
        checkpoint_seconds: time between two checkpoints.
        transform: applied to every batch, without recording it, for example the layers below.
        generator: shuffles the data and draws random numbers; the default generator when None.
        progress: show a progress bar, where there is a terminal or a notebook, with the
            pseudo-log-likelihood of some training cases or the log-likelihood of the validation
            data.
        description: the words in front of the bar.

    Returns:
        What was measured in each epoch.

    Raises:
        TypeError, ValueError: ``data`` or an option is not as described.
        FloatingPointError: training diverged; the learning rate is too high.
    """
    where = "fit"
    check_rbm(where, rbm)
    check_factory(where, "loss", loss, "torch_rbm.ContrastiveDivergence")
    check_sparsity(where, sparsity)
    check_training_options(where, scheduler, weight_decay, average)
    if optimizer is None:
        optimizer = default_optimizer(rbm)
    check_factory(where, "optimizer", optimizer, "torch.optim.Adam")
    data = as_cases(data)
    joint = _joint(where, rbm, labels)
    if isinstance(data, Tensor) and data.dim() > 1 and transform is None and joint is None:
        whole = data if is_csr(data) else data.flatten(1)
        rbm.visible_layer().check(where, "data", whole, observed=observed)
        if observed is None:
            warn_of_scale(where, rbm, whole)
    masks = observed if observed is not None and observed.dim() > 1 else None
    name, beside = ("observed", masks) if labels is None else ("labels", labels)
    batches = Batches(where, data, batch_size, rbm.weight, generator, beside, name=name)

    def prepare(batch: Tensor, beside: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        if transform is not None:
            batch = transform(batch)
        if binarize:
            batch = draw_states(batch, generator)
        if joint is not None and beside is not None:
            return joint(batch, beside), ()
        if observed is None:
            return batch, ()
        return batch, (observed if beside is None else beside.flatten(1),)

    criterion = loss(rbm)
    training = Training(
        where,
        rbm,
        criterion,
        batches,
        RBMMonitor(where, rbm, criterion, as_cases(validation)),
        EarlyStopping(where, patience, validated=validation is not None),
        optimizer=optimizer,
        scheduler=scheduler,
        epochs=epochs,
        weight_decay=weight_decay,
        average=average,
        prepare=prepare,
        penalty=None if sparsity is None else functools.partial(sparsity, rbm),
        callbacks=callbacks,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
        options={"binarize": binarize, "sparsity": repr(sparsity)},
        generator=generator,
    )
    return training.run(description, progress)


def _joint(
    where: str, rbm: RBM, labels: Tensor | bool | None
) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Return what puts labels beside data for an RBM; None where there are no labels."""
    if labels is None:
        return None
    joint: Callable[[Tensor, Tensor], Tensor] | None = getattr(rbm, "joint", None)
    if joint is None:
        raise TypeError(
            f"{where}: expected labels only with a torch_rbm.ClassificationRBM, got "
            f"{type(rbm).__name__}"
        )
    return joint


def draw_states(means: Tensor, generator: torch.Generator | None) -> Tensor:
    """Bernoulli states with these means, [batch, visible], as bool."""
    device = means.device if generator is None else generator.device
    key = torch.randint(2**63 - 1, (2,), generator=generator, device=device).to(means.device)
    return ops.uniform(own_key(key), *means.shape) < means
