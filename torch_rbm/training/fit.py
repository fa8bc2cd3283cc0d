"""The training loop."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from torch_rbm import ops
from torch_rbm.data import Batches, Data
from torch_rbm.rbm import RBM
from torch_rbm.sparse import as_tensor, is_csr
from torch_rbm.training.averaging import WeightAverage
from torch_rbm.training.callbacks import Callback
from torch_rbm.training.checkpoint import Checkpoint, RandomState
from torch_rbm.training.factories import (
    LossFactory,
    OptimizerFactory,
    SchedulerFactory,
    default_loss,
    default_optimizer,
    linear_decay,
    parameter_groups,
)
from torch_rbm.training.history import Epoch, History
from torch_rbm.training.interrupts import interrupts_held
from torch_rbm.training.monitoring import (
    EarlyStopping,
    LagWarning,
    chain_lag,
    pseudo_likelihood,
)
from torch_rbm.training.sparsity import SparsityTarget, check_sparsity
from torch_rbm.validation import check_count, check_factory, check_rbm

# The first epochs, and later so many updates each, are followed by measurements.
_MEASURED_EPOCHS = 10
_MEASURED_UPDATES = 20


def fit(
    rbm: RBM,
    data: Data,
    *,
    epochs: int = 10,
    batch_size: int = 100,
    loss: LossFactory = default_loss,
    optimizer: OptimizerFactory | None = None,
    scheduler: SchedulerFactory = linear_decay,
    weight_decay: float = 0.0,
    sparsity: SparsityTarget | None = None,
    average: float = 0.1,
    binarize: bool = False,
    observed: Tensor | None = None,
    validation: Tensor | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 60.0,
    transform: Callable[[Tensor], Tensor] | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
    description: str = "fit",
) -> History:
    """Train an RBM; when anything goes wrong its parameters are left as they were.

    Args:
        rbm: the RBM, changed in place.
        data: states of the visible units, or means such as probabilities of Bernoulli units: a
            tensor or NumPy array [cases, ...], which may be a memory-mapped file, a CSR tensor or a
            matrix of scipy.sparse, a Dataset or a DataLoader. A tensor is checked as a whole before
            training, everything else batch by batch. Floating-point data are cast to the dtype of
            the RBM.
        epochs: passes over the data.
        batch_size: rows of a batch; a DataLoader keeps its own.
        loss: makes the loss for the RBM: by default centred PCD-1 with 100 chains; for others
            ``functools.partial(PersistentContrastiveDivergence, chains=500, steps=5)``.
        optimizer: makes the optimizer for the parameters: by default SGD with learning rate 0.2,
            0.01 where units are gaussian or relu; for others
            ``functools.partial(torch.optim.Adam, lr=1e-3)``.
        scheduler: makes the scheduler, which is stepped after every update, for the optimizer and
            the number of updates: by default the learning rate falls linearly to zero.
        weight_decay: the optimizer's, for the weights; biases do not decay.
        sparsity: a penalty on hidden units that are active too often; see
            :class:`torch_rbm.SparsityTarget`.
        average: the share of the training, at its end, whose parameters are averaged (Polyak and
            Juditsky 1992) to be the result; 0 for the last ones.
        binarize: take grey values in [0, 1] as probabilities, and draw states anew for each batch.
        observed: bool, [cases, visible] or [visible]: where false, a value is missing. For losses
            that take a mask, such as :class:`torch_rbm.ContrastiveDivergence`.
        validation: states [cases, visible] whose mean log-likelihood is estimated after each epoch,
            by AIS with 1000 temperatures where it cannot be exact.
        patience: end the training after so many epochs without a better validation likelihood, and
            keep the parameters of the best one.
        callbacks: listen to the training; see :class:`torch_rbm.Callback`.
        checkpoint: a file that is written every ``checkpoint_seconds`` and at the end, and from
            which the same call goes on, bit for bit, wherever it was stopped. Ctrl-C writes it too.
        checkpoint_seconds: time between two checkpoints.
        transform: applied to every batch, without recording it, for example the layers below.
        generator: shuffles the data and draws random numbers; the default generator when None.
        progress: show a progress bar, with the pseudo-log-likelihood of some training cases or the
            log-likelihood of the validation data.
        description: the words in front of the bar.

    Returns:
        What was measured in each epoch.

    Raises:
        TypeError, ValueError: ``data`` or an option is not as described.
        FloatingPointError: training diverged; the learning rate is too high.
    """
    where = "fit"
    check_rbm(where, rbm)
    epochs = check_count(where, "epochs", epochs, 0)
    check_factory(where, "loss", loss, "torch_rbm.ContrastiveDivergence")
    check_factory(where, "scheduler", scheduler, "torch_rbm.linear_decay")
    check_sparsity(where, sparsity)
    for name, value, top in [("weight_decay", weight_decay, math.inf), ("average", average, 1.0)]:
        if not 0 <= value <= top:
            raise ValueError(f"{where}: expected {name} in [0, {top:g}], got {value}")
    if optimizer is None:
        optimizer = default_optimizer(rbm)
    check_factory(where, "optimizer", optimizer, "torch.optim.Adam")
    data = as_tensor(data)
    if isinstance(data, Tensor) and data.dim() > 1 and transform is None:
        whole = data if is_csr(data) else data.flatten(1)
        rbm.visible_layer().check(where, "data", whole, observed=observed)
    stopping = EarlyStopping(where, rbm, validation, patience)
    file = None if checkpoint is None else Checkpoint(checkpoint)
    training = Training(
        rbm,
        Batches(where, data, batch_size, rbm.weight, generator, observed),
        loss=loss,
        optimizer=optimizer,
        scheduler=scheduler,
        epochs=epochs,
        weight_decay=weight_decay,
        sparsity=sparsity,
        average=average,
        binarize=binarize,
        stopping=stopping,
        callbacks=callbacks,
        file=file,
        checkpoint_seconds=checkpoint_seconds,
        transform=transform,
        generator=generator,
    )
    before = {name: value.detach().clone() for name, value in rbm.state_dict().items()}
    try:
        with tqdm(
            total=training.total, desc=description, disable=not progress, unit="batch"
        ) as bar:
            training.run(bar)
    except Exception:
        rbm.load_state_dict(before)
        raise
    return training.history


class Training:
    """A training that can be stopped between any two updates, and go on."""

    def __init__(
        self,
        rbm: RBM,
        batches: Batches,
        *,
        loss: LossFactory,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory,
        epochs: int,
        weight_decay: float,
        sparsity: SparsityTarget | None,
        average: float,
        binarize: bool,
        stopping: EarlyStopping,
        callbacks: Sequence[Callback],
        file: Checkpoint | None,
        checkpoint_seconds: float,
        transform: Callable[[Tensor], Tensor] | None,
        generator: torch.Generator | None,
    ) -> None:
        self.rbm = rbm
        self.batches = batches
        self.epochs = epochs
        self.total = max(epochs * len(batches), 1)
        self.criterion = loss(rbm)
        reset_chain = getattr(self.criterion, "reset_chain", None)
        if generator is not None and callable(reset_chain):
            reset_chain(generator)
        self.optimizer = optimizer(parameter_groups(rbm, weight_decay))
        attach = getattr(self.criterion, "attach", None)
        if callable(attach):
            attach(self.optimizer)
        self.scheduler = scheduler(self.optimizer, self.total)
        self.sparsity = sparsity
        self.average = WeightAverage(rbm, self.total - round(average * self.total))
        self.binarize = binarize
        self.stopping = stopping
        self.lag_warning = LagWarning()
        self.callbacks = callbacks
        self.file = file
        self.checkpoint_seconds = checkpoint_seconds
        self.transform = transform
        self.generator = generator
        self.random = RandomState(generator, rbm.weight.device)
        self.history = History()
        # Where the training is: updates made, batches of this epoch, and the epoch's sums.
        self.updates = 0
        self.position = 0
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=rbm.weight.device)
        self.seconds = 0.0
        self.finished = False

    def run(self, bar: tqdm[Any]) -> None:
        """Train from where it is to the end."""
        if self.file is not None and self.file.exists():
            self.load_state_dict(self.file.load(self.rbm))
            bar.update(self.updates)
        for callback in self.callbacks:
            callback.on_start(self.rbm, self.history.epochs)
        try:
            with interrupts_held(self.file is not None) as interrupted:
                while not self.finished and len(self.history.epochs) < self.epochs:
                    batch = self._pass(bar, interrupted)
                    self._end_epoch(bar, batch)
            if not self.finished:
                self._finish()
        finally:
            for callback in self.callbacks:
                callback.on_end(self.rbm)

    def _pass(self, bar: tqdm[Any], interrupted: Callable[[], bool]) -> Tensor:
        """Make what is left of an epoch; return its last batch."""
        started = saved = time.monotonic()
        before = self.seconds
        batch = torch.empty(0)
        for batch, observed in self.batches:
            batch = self._update(batch, observed)
            bar.update()
            now = time.monotonic()
            self.seconds = before + now - started
            if self.file is not None and now - saved >= self.checkpoint_seconds:
                self._save()
                saved = now
            if interrupted():
                self._save()
                raise KeyboardInterrupt
        return batch

    def _update(self, batch: Tensor, observed: Tensor | None) -> Tensor:
        if self.transform is not None:
            with torch.no_grad():
                batch = self.transform(batch)
        if self.binarize:
            batch = _drawn(batch, self.generator)
        self.optimizer.zero_grad()
        arguments = () if observed is None else (observed,)
        value = self.criterion(batch, self.generator, *arguments)
        if self.sparsity is not None:
            value = value + self.sparsity(self.rbm, batch)
        value.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.updates += 1
        self.position += 1
        self.average.update(self.updates)
        self.loss_sum += value.detach().to(self.loss_sum)
        return batch

    def _end_epoch(self, bar: tqdm[Any], batch: Tensor) -> None:
        number = len(self.history.epochs) + 1
        loss = self.loss_sum.item() / len(self.batches)
        if not (math.isfinite(loss) and all(p.isfinite().all() for p in self.rbm.parameters())):
            raise FloatingPointError(
                f"fit: training diverged in epoch {number}; expected a lower learning rate"
                f"{self._hint()}; the parameters are as they were"
            )
        # Measuring costs as much as some updates: after the first epochs short ones take turns.
        first = self.updates - len(self.batches)
        due = number <= _MEASURED_EPOCHS or (
            self.updates // _MEASURED_UPDATES > first // _MEASURED_UPDATES
        )
        lag = chain_lag(self.rbm, self.criterion) if due else None
        epoch = Epoch(
            epoch=number,
            updates=self.updates,
            loss=loss,
            pseudo_log_likelihood=pseudo_likelihood(self.rbm, batch) if due else None,
            log_likelihood=self.stopping.log_likelihood(self.rbm),
            chain_lag=None if lag is None else lag[0],
            learning_rate=float(self.optimizer.param_groups[0]["lr"]),
            seconds=self.seconds,
        )
        self.history.epochs.append(epoch)
        self.position, self.seconds = 0, 0.0
        self.loss_sum.zero_()
        if due or epoch.log_likelihood is not None:
            bar.set_postfix_str(_summary(epoch))
        self.lag_warning.look(number, lag)
        stop = self.stopping.after(self.rbm, epoch)
        for callback in self.callbacks:
            stop = bool(callback.on_epoch(self.rbm, epoch)) or stop
        if stop:
            self.history.stopped_early = True
            self._finish()

    def _hint(self) -> str:
        visible, hidden = self.rbm.visible_layer(), self.rbm.hidden_layer()
        if visible.continuous and hidden.continuous:
            return ", or smaller weights: two continuous layers have a density only with small ones"
        return " or standardised data" if visible.continuous else ""

    def _finish(self) -> None:
        self.average.apply()
        self.history.best_epoch = self.stopping.apply(self.rbm)
        self.finished = True
        self._save()

    def _save(self) -> None:
        if self.file is not None:
            self.file.save(self.rbm, self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the RBM's parameters."""
        own = {
            name: value
            for name, value in self.criterion.state_dict().items()
            if not name.startswith("rbm.")
        }
        return {
            "plan": self._plan(),
            "criterion": own,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "average": self.average.state_dict(),
            "stopping": self.stopping.state_dict(),
            "history": self.history.state_dict(),
            "random": self.random.state_dict(),
            "pass_state": self.batches.pass_state,
            "updates": self.updates,
            "position": self.position,
            "loss_sum": self.loss_sum.item(),
            "seconds": self.seconds,
            "finished": self.finished,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned.

        Raises:
            ValueError: it is of a training with other epochs, batches or loss.
        """
        if state["plan"] != self._plan():
            raise ValueError(
                f"fit: expected a checkpoint of the same training, {self._plan()}, got "
                f"{state['plan']}; remove the file to begin anew"
            )
        missing, unexpected = self.criterion.load_state_dict(state["criterion"], strict=False)
        strange = [name for name in missing if not name.startswith("rbm.")] + unexpected
        if strange:
            raise ValueError(f"fit: expected a checkpoint of this loss, but {strange} do not fit")
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.average.load_state_dict(state["average"])
        self.stopping.load_state_dict(state["stopping"])
        self.history.load_state_dict(state["history"])
        self.updates, self.position = state["updates"], state["position"]
        self.loss_sum.fill_(state["loss_sum"])
        self.seconds, self.finished = state["seconds"], state["finished"]
        self.batches.start_at(state["pass_state"], self.position)
        self.random.load_state_dict(state["random"])

    def _plan(self) -> dict[str, Any]:
        return {
            "epochs": self.epochs,
            "batches": len(self.batches),
            "loss": type(self.criterion).__name__,
        }


def _drawn(means: Tensor, generator: torch.Generator | None) -> Tensor:
    """Bernoulli states with these means, [batch, visible], as bool."""
    device = means.device if generator is None else generator.device
    key = torch.randint(2**63 - 1, (2,), generator=generator, device=device).to(means.device)
    return ops.uniform(key, *means.shape) < means


def _summary(epoch: Epoch) -> str:
    if epoch.log_likelihood is not None:
        return f"log p={epoch.log_likelihood:.2f}"
    if epoch.pseudo_log_likelihood is not None:
        return f"pseudo log p={epoch.pseudo_log_likelihood:.2f}"
    return f"loss={epoch.loss:.3f}"
