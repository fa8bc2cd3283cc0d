"""Training an RBM of ratings."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm.data import Batches
from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.evaluation.measures import (
    mean_negative_log_likelihood,
    root_mean_squared_error,
)
from torch_rbm.ratings.loss import RatingsContrastiveDivergence
from torch_rbm.ratings.rbm import RatingsRBM
from torch_rbm.training import (
    Callback,
    Epoch,
    History,
    OptimizerFactory,
    SchedulerFactory,
    linear_decay,
)
from torch_rbm.training.early_stopping import EarlyStopping
from torch_rbm.training.factories import adam, check_training_options
from torch_rbm.training.loop import Training
from torch_rbm.validation import check_count, check_factory, words

#: Makes a loss for an RBM of ratings, such as ``RatingsContrastiveDivergence``.
RatingsLossFactory = Callable[[RatingsRBM], nn.Module]

_default_optimizer = functools.partial(adam, lr=0.005)


@dataclass(frozen=True)
class RatingsEpoch(Epoch):
    """One pass over the cases of an RBM of ratings.

    Attributes:
        validation_rmse: root mean squared error of the expected rating of validation ratings.
        validation_nll: their mean −log p(rating | training ratings of the case), in nats.
    """

    validation_rmse: float | None = None
    validation_nll: float | None = None

    @property
    def score(self) -> float | None:
        """The validation RMSE with its sign changed."""
        return None if self.validation_rmse is None else -self.validation_rmse

    def summary(self) -> str:
        """Return the validation RMSE, or else the loss."""
        if self.validation_rmse is None:
            return super().summary()
        return f"validation RMSE={self.validation_rmse:.4f}"


def fit_ratings(
    rbm: RatingsRBM,
    ratings: Ratings,
    *,
    epochs: int = 40,
    batch_size: int = 200,
    loss: RatingsLossFactory = RatingsContrastiveDivergence,
    steps: Mapping[int, int] | None = None,
    optimizer: OptimizerFactory = _default_optimizer,
    scheduler: SchedulerFactory = linear_decay,
    weight_decay: float = 1e-3,
    average: float = 0.0,
    scale: Sequence[float] | Tensor | None = None,
    validation: Ratings | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 60.0,
    generator: torch.Generator | None = None,
    progress: bool = True,
    description: str = "ratings",
) -> History[RatingsEpoch]:
    """Train an RBM of ratings; when anything goes wrong its parameters are left as they were.

    Args:
        rbm: the RBM, changed in place; see :meth:`RatingsRBM.initialize` for its biases.
        ratings: of all cases; those that have none are left out.
        epochs: passes over the cases.
        batch_size: cases of a batch.
        loss: makes the loss for the RBM: CD-1 by default.
        steps: Gibbs steps of the loss from epochs on, such as ``{1: 1, 10: 3, 20: 5}``: as learning
            goes on, more of them keep the estimate good (Salakhutdinov, Mnih and Hinton 2007).
        optimizer: makes the optimizer for the parameters.
        scheduler: makes the scheduler, which is stepped after every update, for the optimizer and
            the number of updates: by default the learning rate falls linearly to zero.
        weight_decay: the optimizer's, for the weights; biases do not decay.
        average: the share of the training, at its end, whose parameters are averaged.
        scale: the rating of each level, for the errors of ``validation``; from 0 when None.
        validation: other ratings of the same cases, which are predicted from ``ratings`` after each
            epoch.
        patience: end the training after so many epochs without a better validation error, and keep
            the parameters of the best one.
        callbacks: listen to the training; see :class:`torch_rbm.Callback`.
        checkpoint: a file that is written every ``checkpoint_seconds`` and at the end, and from
            which the same call goes on, bit for bit, wherever it was stopped.
        checkpoint_seconds: time between two checkpoints.
        generator: shuffles the cases and draws random numbers; the default generator when None.
        progress: show a progress bar.
        description: the words in front of the bar.

    Returns:
        What was measured in each epoch.

    Raises:
        TypeError, ValueError: an argument is not as described.
        FloatingPointError: training diverged; the learning rate is too high.
    """
    where = "fit_ratings"
    if not isinstance(rbm, RatingsRBM):
        raise TypeError(f"{where}: expected a torch_rbm.RatingsRBM, got {words(rbm)}")
    check_factory(where, "loss", loss, "torch_rbm.RatingsContrastiveDivergence")
    check_factory(where, "optimizer", optimizer, "torch.optim.Adam")
    check_training_options(where, scheduler, weight_decay, average)
    ratings = _on_device(where, "ratings", ratings, rbm.weight.device)
    if validation is not None:
        validation = _on_device(where, "validation", validation, rbm.weight.device)
        if validation.size != ratings.size:
            raise ValueError(
                f"{where}: expected validation ratings of the same {ratings.size} cases, got "
                f"{validation.size}"
            )
    criterion = loss(rbm)
    cases = torch.nonzero(ratings.crow.diff()).cpu()
    batches = Batches(where, cases, batch_size, rbm.weight, generator)
    listeners = list(callbacks)
    if steps is not None:
        listeners.insert(0, _StepSchedule(where, criterion, steps))
    training: Training[RatingsEpoch, Ratings] = Training(
        where,
        rbm,
        criterion,
        batches,
        RatingsMonitor(where, rbm, ratings, validation, scale),
        EarlyStopping(where, patience, validated=validation is not None),
        optimizer=optimizer,
        scheduler=scheduler,
        epochs=epochs,
        weight_decay=weight_decay,
        average=average,
        prepare=lambda rows, _: (ratings.select(rows.squeeze(1)), ()),
        penalty=None,
        callbacks=listeners,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
        options={"steps": None if steps is None else sorted(steps.items())},
        generator=generator,
    )
    return training.run(description, progress)


class RatingsMonitor:
    """Predicts validation ratings from the training ratings of their cases between epochs.

    Args:
        where: the caller's name, for messages.
        rbm: the RBM.
        ratings: what predictions are made from.
        validation: what is predicted, of the same cases, or None.
        scale: the rating of each level, or None for their numbers.
    """

    epoch = RatingsEpoch

    def __init__(
        self,
        where: str,
        rbm: RatingsRBM,
        ratings: Ratings,
        validation: Ratings | None,
        scale: Sequence[float] | Tensor | None,
    ) -> None:
        levels = rbm.weight.size(1)
        self._scale = torch.as_tensor(
            list(range(levels)) if scale is None else scale,
            dtype=torch.float64,
            device=rbm.weight.device,
        )
        if self._scale.shape != (levels,):
            raise ValueError(
                f"{where}: expected scale to have a rating for each of {levels} levels, got "
                f"{list(self._scale.shape)}"
            )
        self._rbm = rbm
        self._ratings = ratings
        self._validation = validation

    @torch.no_grad()
    def measure(self, epoch: int, batch: Ratings | None, due: bool) -> dict[str, float | None]:
        """Return what an epoch records beside its loss."""
        asked = self._validation
        if asked is None:
            return {"validation_rmse": None, "validation_nll": None}
        probabilities = self._rbm.predict(*self._ratings, asked.crow, asked.items)
        return {
            "validation_rmse": root_mean_squared_error(
                probabilities.double() @ self._scale, self._scale[asked.levels]
            ),
            "validation_nll": mean_negative_log_likelihood(probabilities, asked.levels),
        }

    def hint(self) -> str:
        """Return what else, beside a lower learning rate, may keep a training from diverging."""
        return ""


class _StepSchedule(Callback):
    """Sets the Gibbs steps of a loss from epochs on."""

    def __init__(self, where: str, criterion: nn.Module, steps: Mapping[int, int]) -> None:
        if not hasattr(criterion, "steps"):
            raise ValueError(
                f"{where}: expected a loss with steps, as they are given, got {words(criterion)}"
            )
        self._criterion = criterion
        self._steps = {
            check_count(where, "epochs of steps", epoch, 1): check_count(where, "steps", count, 1)
            for epoch, count in sorted(steps.items())
        }

    def on_start(self, module: nn.Module, done: Iterable[Epoch]) -> None:
        """Set those of the next epoch."""
        self._set(len(list(done)) + 1)

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Set those of the next epoch."""
        self._set(epoch.epoch + 1)

    def _set(self, epoch: int) -> None:
        for first, count in self._steps.items():
            if first <= epoch:
                self._criterion.steps = count  # type: ignore[assignment]


def _on_device(where: str, name: str, ratings: Any, device: torch.device) -> Ratings:
    if not isinstance(ratings, Ratings):
        raise TypeError(f"{where}: expected {name} to be Ratings, got {words(ratings)}")
    return Ratings(*(tensor.to(device) for tensor in ratings))
