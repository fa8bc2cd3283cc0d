"""Supervised training of any module, such as one that starts from a deep belief net."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from torch_rbm.data import Batches, Data
from torch_rbm.sparse import as_tensor
from torch_rbm.training.callbacks import Callback
from torch_rbm.training.early_stopping import EarlyStopping
from torch_rbm.training.factories import (
    OptimizerFactory,
    SchedulerFactory,
    adam,
    check_training_options,
    linear_decay,
)
from torch_rbm.training.history import History, SupervisedEpoch
from torch_rbm.training.loop import Training
from torch_rbm.validation import check_factory, words

#: A loss of outputs and targets, such as ``torch.nn.functional.cross_entropy``.
TargetLoss = Callable[[Tensor, Tensor], Tensor]

_VALIDATION_ROWS = 1000


def fine_tune(
    module: nn.Module,
    data: Data,
    targets: Tensor | bool | None = None,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    loss: TargetLoss | None = None,
    optimizer: OptimizerFactory = adam,
    scheduler: SchedulerFactory = linear_decay,
    weight_decay: float = 0.0,
    average: float = 0.0,
    validation: tuple[Tensor, Tensor] | Tensor | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 60.0,
    flatten: bool = True,
    generator: torch.Generator | None = None,
    progress: bool = True,
    description: str = "fine-tuning",
) -> History[SupervisedEpoch]:
    """Train a module by backpropagation; when anything goes wrong it is left as it was.

    For the classifiers, regressors and autoencoders of a :class:`torch_rbm.DBN`, and for any other
    module. It ends in evaluation mode.

    Args:
        module: what is trained, in place.
        data: inputs: a tensor or NumPy array [cases, ...], a Dataset or a DataLoader.
        targets: classes, whole numbers [cases], or real values [cases, outputs]; True for the
            second elements of the items of a Dataset or a DataLoader; None for the data themselves,
            as an autoencoder has them.
        epochs: passes over the data; when None 10, or more, so that there are 5,000 updates.
        batch_size: rows of a batch; a DataLoader keeps its own. When None 100, or where there are
            fewer than 10,000 cases a hundredth of them, but 10 at least.
        loss: of outputs and targets, a mean over the batch; the cross-entropy of logits for
            classes, the mean squared error for real values, when None.
        optimizer: makes the optimizer for the parameters.
        scheduler: makes the scheduler, which is stepped after every update, for the optimizer and
            the number of updates: by default the learning rate falls linearly to zero.
        weight_decay: the optimizer's, for weights; biases do not decay.
        average: the share of the training, at its end, whose parameters are averaged.
        validation: inputs and targets, or inputs alone for an autoencoder, whose loss, and share of
            wrong classes, are measured after each epoch.
        patience: end the training after so many epochs without a better validation error, or loss
            where the targets are no classes, and keep the parameters of the best one.
        callbacks: listen to the training; see :class:`torch_rbm.Callback`.
        checkpoint: a file that is written every ``checkpoint_seconds`` and at the end, and from
            which the same call goes on, bit for bit, wherever it was stopped.
        checkpoint_seconds: time between two checkpoints.
        flatten: make every batch [batch, inputs], as linear layers want it.
        generator: shuffles the data; the default generator, which dropout draws from, when None.
        progress: show a progress bar.
        description: the words in front of the bar.

    Returns:
        What was measured in each epoch.

    Raises:
        TypeError, ValueError: an argument is not as described.
        FloatingPointError: training diverged; the learning rate is too high.
    """
    where = "fine_tune"
    if not isinstance(module, nn.Module):
        raise TypeError(f"{where}: expected module to be a torch module, got {words(module)}")
    parameters = list(module.parameters())
    if not parameters:
        raise ValueError(f"{where}: expected a module with parameters, got {module}")
    check_factory(where, "optimizer", optimizer, "torch.optim.Adam")
    check_training_options(where, scheduler, weight_decay, average)
    targets = as_tensor(targets)
    batches = Batches(
        where,
        data,
        batch_size,
        parameters[0],
        generator,
        targets,
        name="targets",
        flatten=flatten,
    )
    if targets is not None and isinstance(validation, Tensor):
        raise TypeError(
            f"{where}: expected validation to be inputs and targets, as there are targets, got "
            "inputs alone"
        )
    supervised = Supervised(where, module, loss)
    training = Training(
        where,
        module,
        supervised,
        batches,
        SupervisedMonitor(where, supervised, validation, flatten=flatten),
        EarlyStopping(where, patience, validated=validation is not None),
        optimizer=optimizer,
        scheduler=scheduler,
        epochs=epochs,
        weight_decay=weight_decay,
        average=average,
        prepare=lambda batch, beside: (batch, () if beside is None else (beside,)),
        penalty=None,
        callbacks=callbacks,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
        options={"target_loss": None if loss is None else getattr(loss, "__name__", repr(loss))},
        generator=generator,
    )
    module.train()
    try:
        return training.run(description, progress)
    finally:
        module.eval()


class Supervised(nn.Module):
    """A loss of a module's outputs, called as every loss of a training.

    Args:
        where: the caller's name, for messages.
        module: the module, held as a submodule.
        loss: of outputs and targets; the usual one for the kind of targets when None.
    """

    def __init__(self, where: str, module: nn.Module, loss: TargetLoss | None) -> None:
        super().__init__()
        self._where = where
        self.module = module
        self._loss = loss

    def forward(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        targets: Tensor | None = None,
    ) -> Tensor:
        """Return the mean loss, a scalar; of reconstructions where there are no targets."""
        outputs = self.module(data)
        return self.compare(outputs, data.to(outputs.dtype) if targets is None else targets)

    def compare(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of outputs, a scalar.

        Raises:
            ValueError: the outputs cannot be compared with these targets.
        """
        if self._loss is not None:
            return self._loss(outputs, targets)
        _check_shapes(self._where, outputs, targets)
        if is_classes(targets):
            try:
                return nn.functional.cross_entropy(outputs, targets.long())
            except IndexError:
                raise ValueError(
                    f"{self._where}: expected classes from 0 to {outputs.shape[-1] - 1}, got "
                    f"{int(targets.min())} to {int(targets.max())}"
                ) from None
        return nn.functional.mse_loss(outputs, targets)


def is_classes(targets: Tensor) -> bool:
    """Whether targets are numbers of classes: whole numbers."""
    return not targets.is_floating_point() and targets.dtype != torch.bool


def _check_shapes(where: str, outputs: Tensor, targets: Tensor) -> None:
    """Require targets that the usual losses can compare with outputs."""
    per_case = [*outputs.shape[:1], *outputs.shape[2:]]
    expected = per_case if is_classes(targets) else list(outputs.shape)
    if list(targets.shape) == expected and targets.dtype != torch.bool:
        return
    given = f"{str(targets.dtype).removeprefix('torch.')} {list(targets.shape)}"
    raise ValueError(
        f"{where}: expected targets that are classes, whole numbers {per_case}, or real values "
        f"{list(outputs.shape)}, as the outputs, got {given}"
    )


class SupervisedMonitor:
    """Measures loss and errors of validation data between epochs.

    Args:
        where: the caller's name, for messages.
        supervised: the module and its loss.
        validation: inputs and targets, or inputs alone, or None.
        flatten: flatten inputs to [batch, inputs].

    Raises:
        TypeError: ``validation`` is none of these.
    """

    epoch = SupervisedEpoch

    def __init__(
        self,
        where: str,
        supervised: Supervised,
        validation: tuple[Tensor, Tensor] | Tensor | None,
        *,
        flatten: bool,
    ) -> None:
        self._supervised = supervised
        self._pair: tuple[Tensor, Tensor] | None = None
        if validation is None:
            return
        data, targets = validation if isinstance(validation, tuple) else (validation, validation)
        if not isinstance(data, Tensor) or not isinstance(targets, Tensor):
            raise TypeError(f"{where}: expected validation to be tensors, got {words(data)}")
        if len(data) == 0 or len(data) != len(targets):
            raise ValueError(
                f"{where}: expected validation data with a target for each case, got "
                f"{list(data.shape)} and {list(targets.shape)}"
            )
        like = next(supervised.module.parameters())
        data = data.flatten(1) if flatten else data
        if targets is validation:
            targets = data
        self._pair = data.to(like), targets.to(like if targets.is_floating_point() else like.device)

    def hint(self) -> str:
        """Return what else, beside a lower learning rate, may keep a training from diverging."""
        return ""

    @torch.no_grad()
    def measure(self, epoch: int, batch: Tensor | None, due: bool) -> dict[str, float | None]:
        """Return what an epoch records beside its loss."""
        if self._pair is None:
            return {"validation_loss": None, "validation_error": None}
        data, targets = self._pair
        module = self._supervised.module
        module.eval()
        loss, wrong = 0.0, 0
        for part, part_targets in zip(
            torch.split(data, _VALIDATION_ROWS),
            torch.split(targets, _VALIDATION_ROWS),
            strict=True,
        ):
            outputs = module(part)
            loss += self._supervised.compare(outputs, part_targets).item() * len(part)
            if is_classes(targets):
                wrong += int((outputs.argmax(-1) != part_targets).sum())
        module.train()
        return {
            "validation_loss": loss / len(data),
            "validation_error": wrong / len(data) if is_classes(targets) else None,
        }
