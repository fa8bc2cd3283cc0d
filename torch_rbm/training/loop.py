"""The training loop: updates, epochs, and how they go on after a stop."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from torch_rbm.data import Batches
from torch_rbm.files import parts_of
from torch_rbm.losses.estimate import SampledLoss
from torch_rbm.progress import progress_bar
from torch_rbm.training.averaging import WeightAverage
from torch_rbm.training.callbacks import Callback, check_callbacks
from torch_rbm.training.checkpoint import Checkpoint, RandomState
from torch_rbm.training.early_stopping import EarlyStopping
from torch_rbm.training.factories import OptimizerFactory, SchedulerFactory, parameter_groups
from torch_rbm.training.group import Group
from torch_rbm.training.history import EpochT, History
from torch_rbm.training.interrupts import interrupts_held
from torch_rbm.training.plan import Plan, difference, plan
from torch_rbm.validation import check_count

# The first epochs, and later so many updates each, are followed by costly measurements.
_MEASURED_EPOCHS = 10
_MEASURED_UPDATES = 20

# What a training has at least where its caller does not say how long it shall be.
_EPOCHS = 10
_UPDATES = 5_000

#: What a loss takes: a tensor or, for example, sparse ratings.
BatchT = TypeVar("BatchT")
_BatchT_contra = TypeVar("_BatchT_contra", contravariant=True)

#: Turns a batch, and what goes beside it, into the first argument of the loss and those after the
#: generator.
Prepare = Callable[[Tensor, "Tensor | None"], tuple[BatchT, tuple[Tensor, ...]]]


class Monitor(Protocol[EpochT, _BatchT_contra]):
    """What is measured between epochs."""

    epoch: type[EpochT]

    def measure(
        self, epoch: int, batch: _BatchT_contra | None, due: bool
    ) -> dict[str, float | None]:
        """Return the values of an epoch's record beside those that every training has.

        Args:
            epoch: its number.
            batch: the last one; None where the training goes on from the end of an epoch.
            due: whether costly measurements are due.
        """

    def hint(self) -> str:
        """Return what else may keep a training from diverging."""


class Training(Generic[EpochT, BatchT]):
    """A training that can be stopped between any two updates, and go on.

    Args:
        where: the caller's name, for messages.
        module: what is trained.
        criterion: its loss, called with a batch, the generator and what else ``prepare`` returns.
        batches: the data.
        monitor: measures between epochs.
        stopping: keeps the best parameters.
        optimizer: makes the optimizer.
        scheduler: makes the scheduler.
        epochs: passes over the data; when None 10, more where that is not 5,000 updates.
        weight_decay: the optimizer's, for the weights.
        average: the share of the training, at its end, whose parameters are averaged.
        prepare: see :data:`Prepare`.
        penalty: what a batch adds to the loss.
        callbacks: listen.
        checkpoint: the file to write to and to go on from.
        checkpoint_seconds: time between two checkpoints.
        options: what else must be the same for a checkpoint to fit.
        generator: what the loss draws from; the default generator when None.
    """

    def __init__(
        self,
        where: str,
        module: nn.Module,
        criterion: nn.Module,
        batches: Batches,
        monitor: Monitor[EpochT, BatchT],
        stopping: EarlyStopping,
        *,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory,
        epochs: int | None,
        weight_decay: float,
        average: float,
        prepare: Prepare[BatchT],
        penalty: Callable[[BatchT], Tensor] | None,
        callbacks: Sequence[Callback],
        checkpoint: str | os.PathLike[str] | None,
        checkpoint_seconds: float,
        options: Plan,
        generator: torch.Generator | None,
    ) -> None:
        check_callbacks(where, callbacks)
        self.where = where
        self.module = module
        self.criterion = criterion
        self.batches = batches
        self.monitor = monitor
        self.stopping = stopping
        if epochs is None:
            epochs = max(_EPOCHS, math.ceil(_UPDATES / len(batches)))
        self.epochs = epochs = check_count(where, "epochs", epochs, 0)
        self.total = max(epochs * len(batches), 1)
        device = next(module.parameters()).device
        self.group = Group(where, criterion, device)
        self.random = RandomState(generator, device)
        if self.group.size > 1:
            self.random.load_state_dict(self.group.from_first(self.random.state_dict()))
        reset_chain = getattr(criterion, "reset_chain", None)
        if generator is not None and callable(reset_chain):
            reset_chain(generator)
        self.optimizer = optimizer(parameter_groups(module, weight_decay))
        attach = getattr(criterion, "attach", None)
        if callable(attach):
            attach(self.optimizer)
        self.scheduler = scheduler(self.optimizer, self.total)
        averaged_from = self.total - round(average * self.total)
        self.average = WeightAverage(module, averaged_from)
        self._plan = plan(
            criterion,
            module,
            self.optimizer,
            self.scheduler,
            {"epochs": epochs, "batches": len(batches), "averaged_from": averaged_from, **options},
        )
        for name, shape in self.group.chain_shapes().items():
            self._plan[f"shape of loss.{name}"] = shape
        self.prepare = prepare
        self.penalty = penalty
        self._leave_gradients: Callable[..., Tensor] | None = None
        alone = self.group.size == 1 and penalty is None
        if alone and isinstance(criterion, SampledLoss) and criterion.is_direct:
            self._leave_gradients = criterion.leave_gradients
        self.callbacks = callbacks
        self.checkpoint = None if checkpoint is None else Checkpoint(where, checkpoint)
        self.checkpoint_seconds = checkpoint_seconds
        self.generator = generator
        self.history: History[EpochT] = History()
        # Where the training is: updates made, batches of this epoch, and the epoch's sums.
        self.updates = 0
        self.position = 0
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self.seconds = 0.0
        self.finished = False
        self._saved = time.monotonic()

    def run(self, description: str, progress: bool) -> History[EpochT]:
        """Train from where it is to the end; when anything goes wrong, nothing was trained."""
        before = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        try:
            with (
                progress_bar(
                    self.total,
                    description,
                    shown=progress and self.group.is_first,
                    unit="batch",
                ) as bar,
                self.group.watched(),
            ):
                self._run(bar)
        except Exception:
            self.module.load_state_dict(before)
            raise
        return self.history

    def _run(self, bar: tqdm[Any]) -> None:
        if self.checkpoint is not None and self.group.from_first(self.checkpoint.exists()):
            state = self.checkpoint.load(self.module) if self.group.is_first else None
            if self.group.size > 1:
                self.module.load_state_dict(self.group.from_first(self.module.state_dict()))
            with parts_of(self.where, self.checkpoint.path):
                self.load_state_dict(self.group.from_first(state))
            bar.update(self.updates)
        for callback in self.callbacks:
            callback.on_start(self.module, list(self.history.epochs))
        try:
            with interrupts_held(self.checkpoint is not None) as interrupted:
                while not self.finished and len(self.history.epochs) < self.epochs:
                    batch = self._pass(bar, interrupted)
                    self._end_epoch(bar, batch)
            if not self.finished:
                self._finish()
        finally:
            for callback in self.callbacks:
                callback.on_end(self.module)

    def _pass(self, bar: tqdm[Any], interrupted: Callable[[], bool]) -> BatchT | None:
        """Make what is left of an epoch; return its last batch."""
        started = time.monotonic()
        before = self.seconds
        batch: BatchT | None = None
        for rows, beside in self.batches:
            batch = self._update(rows, beside)
            bar.update()
            now = time.monotonic()
            self.seconds = before + now - started
            if self.checkpoint is None:
                continue
            due = self.group.is_first and now - self._saved >= self.checkpoint_seconds
            due, stop = self.group.any(due, interrupted())
            if due or stop:
                self._save()
                self._saved = now
            if stop:
                raise KeyboardInterrupt(
                    f"{self.where}: stopped; the same call goes on from {self.checkpoint.path}"
                )
        return batch

    def _update(self, rows: Tensor, beside: Tensor | None) -> BatchT:
        try:
            with torch.no_grad():
                batch, arguments = self.prepare(rows, beside)
        except FloatingPointError as error:  # of what a model that diverged has filled in
            raise self._diverged() from error
        self.optimizer.zero_grad()
        if self._leave_gradients is not None:
            value = self._leave_gradients(batch, self.generator, *arguments)
        else:
            value = self.group.loss(batch, self.generator, *arguments)
            if self.penalty is not None:
                value = value + self.penalty(batch)
            value.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.updates += 1
        self.position += 1
        self.average.update(self.updates)
        self.loss_sum += value.detach().to(self.loss_sum)
        return batch

    def _end_epoch(self, bar: tqdm[Any], batch: BatchT | None) -> None:
        number = len(self.history.epochs) + 1
        loss = self.group.mean(self.loss_sum.item()) / len(self.batches)
        parameters = self.module.parameters()
        if not (math.isfinite(loss) and all(p.isfinite().all() for p in parameters)):
            raise self._diverged()
        # Measuring costs as much as some updates: after the first epochs short ones take turns.
        first = self.updates - len(self.batches)
        due = number <= _MEASURED_EPOCHS or (
            self.updates // _MEASURED_UPDATES > first // _MEASURED_UPDATES
        )
        measured = self.monitor.measure(number, batch, due)
        epoch = self.monitor.epoch(
            number,
            self.updates,
            loss,
            float(self.optimizer.param_groups[0]["lr"]),
            self.seconds,
            **measured,
        )
        self.history.epochs.append(epoch)
        self.position, self.seconds = 0, 0.0
        self.loss_sum.zero_()
        if due or epoch.score is not None:
            bar.set_postfix_str(epoch.summary())
        stop = self.stopping.after(self.module, epoch)
        for callback in self.callbacks:
            stop = bool(callback.on_epoch(self.module, epoch)) or stop
        if self.group.any(stop)[0]:
            self.history.stopped_early = True
            self._finish()

    def _diverged(self) -> FloatingPointError:
        return FloatingPointError(
            f"{self.where}: training diverged in epoch {len(self.history.epochs) + 1}; expected a "
            f"lower learning rate{self.monitor.hint()}; the parameters are as they were"
        )

    def _finish(self) -> None:
        self.average.apply()
        self.history.best_epoch = self.stopping.apply(self.module)
        self.finished = True
        self._save()

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = self.state_dict()
        if self.group.is_first:
            self.checkpoint.save(self.module, state)

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the module's state."""
        own = {
            name: value
            for name, value in self.criterion.state_dict().items()
            if name not in self._shared()
        }
        return {
            "plan": self._plan,
            "criterion": self.group.gathered(own),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "average": self.average.state_dict(),
            "stopping": self.stopping.state_dict(),
            "history": self.history.state_dict(),
            "random": self.random.state_dict(),
            "data": self.batches.checksum,
            "pass_state": self.batches.pass_state,
            "updates": self.updates,
            "position": self.position,
            "loss_sum": self.group.mean(self.loss_sum.item()),
            "seconds": self.seconds,
            "finished": self.finished,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned.

        Raises:
            ValueError: it is of a training with other options.
        """
        other = difference(state["plan"], self._plan)
        if other:
            raise ValueError(
                f"{self.where}: expected a checkpoint of the same training, but this one has "
                f"{other}; remove the file to begin anew"
            )
        if state["data"] != self.batches.checksum:
            self._refuse_or_warn_of_other_data(state["finished"])
        own = self.group.own_state(state["criterion"])
        self.criterion.load_state_dict(own, strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.average.load_state_dict(state["average"])
        self.stopping.load_state_dict(state["stopping"])
        self.history.load_state_dict(state["history"], self.monitor.epoch)
        self.updates, self.position = state["updates"], state["position"]
        self.loss_sum.fill_(state["loss_sum"])
        self.seconds, self.finished = state["seconds"], state["finished"]
        self.batches.start_at(state["pass_state"], self.position)
        self.random.load_state_dict(state["random"])

    def _refuse_or_warn_of_other_data(self, finished: bool) -> None:
        """Data drawn anew are no reason to lose a training; after its end nothing is learned."""
        what = f"{self.where}: the checkpoint is of a training with other data"
        if finished:
            raise ValueError(f"{what}, which has ended; remove the file to begin anew")
        warnings.warn(f"{what}; it goes on with these", stacklevel=2)

    def _shared(self) -> set[str]:
        """Names in the criterion's state that are the module's own, and saved with it."""
        for name, module in self.criterion.named_modules():
            if module is self.module:
                return {f"{name}.{key}" for key in module.state_dict()}
        return set()
