"""What a training reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar


@dataclass(frozen=True)
class Epoch:
    """One pass over the data.

    Attributes:
        epoch: its number, from 1.
        updates: updates of the whole training up to its end.
        loss: the mean value of the loss.
        learning_rate: at its end.
        seconds: what it took, without validation.
    """

    epoch: int
    updates: int
    loss: float
    learning_rate: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the values by name."""
        return asdict(self)

    @property
    def score(self) -> float | None:
        """What early stopping looks at, the larger the better; None where it was not measured."""
        return None

    def summary(self) -> str:
        """Return what a progress bar shows."""
        return f"loss={self.loss:.3f}"


@dataclass(frozen=True)
class RBMEpoch(Epoch):
    """One pass over the data of an RBM.

    Its loss is, for sampled losses, the energy gap between data and chains, which is no likelihood
    and need not fall.

    Attributes:
        pseudo_log_likelihood: a stochastic estimate for the last batch, in nats per case; None
            where the units have none or the data are not states, and, from the eleventh epoch
            on, in epochs that do not complete twenty updates more.
        log_likelihood: that of the validation data, in nats per case, where it was estimated.
        chain_lag: how much the free energy of the loss's chains falls when they are given fifty
            Gibbs steps without learning, in nats; None for losses without chains of their own, and
            in short epochs likewise.
    """

    pseudo_log_likelihood: float | None = None
    log_likelihood: float | None = None
    chain_lag: float | None = None

    @property
    def score(self) -> float | None:
        """The validation log-likelihood."""
        return self.log_likelihood

    def summary(self) -> str:
        """Return the likelihood, or else its stand-in."""
        if self.log_likelihood is not None:
            return f"log p={self.log_likelihood:.2f}"
        if self.pseudo_log_likelihood is not None:
            return f"pseudo log p={self.pseudo_log_likelihood:.2f}"
        return super().summary()


@dataclass(frozen=True)
class SupervisedEpoch(Epoch):
    """One pass over data and targets.

    Attributes:
        validation_loss: the loss of the validation data, where there are any.
        validation_error: the share of them that gets a wrong class; None for other targets.
    """

    validation_loss: float | None = None
    validation_error: float | None = None

    @property
    def score(self) -> float | None:
        """The validation error, or else the validation loss, with its sign changed."""
        if self.validation_error is not None:
            return -self.validation_error
        return None if self.validation_loss is None else -self.validation_loss

    def summary(self) -> str:
        """Return the loss, and the validation error or loss."""
        if self.validation_error is not None:
            return f"{super().summary()}, validation error={100 * self.validation_error:.2f} %"
        if self.validation_loss is not None:
            return f"{super().summary()}, validation loss={self.validation_loss:.4f}"
        return super().summary()


EpochT = TypeVar("EpochT", bound=Epoch)


@dataclass(repr=False)
class History(Generic[EpochT]):
    """All epochs of a training.

    Attributes:
        epochs: one record each.
        best_epoch: the number of the epoch whose parameters were kept, where validation data chose
            it; otherwise None.
        stopped_early: whether validation data ended the training.
    """

    epochs: list[EpochT] = field(default_factory=list)
    best_epoch: int | None = None
    stopped_early: bool = False

    def __repr__(self) -> str:
        """Return how long it was and how it ended, on one line, which all epochs would not fit."""
        last = f", {self.epochs[-1].summary()} in the last" if self.epochs else ""
        best = "" if self.best_epoch is None else f", the best number {self.best_epoch}"
        return f"<History of {len(self.epochs)} epochs{last}{best}>"

    @property
    def losses(self) -> list[float]:
        """The loss of each epoch."""
        return [epoch.loss for epoch in self.epochs]

    @property
    def log_likelihoods(self) -> list[float | None]:
        """The validation log-likelihood of each epoch, of an RBM."""
        return [getattr(epoch, "log_likelihood", None) for epoch in self.epochs]

    def state_dict(self) -> dict[str, Any]:
        """Return everything as numbers, lists and dicts."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any], kind: type[EpochT]) -> None:
        """Take everything from what ``state_dict`` returned for epochs of a kind."""
        self.epochs = [kind(**epoch) for epoch in state["epochs"]]
        self.best_epoch = state["best_epoch"]
        self.stopped_early = state["stopped_early"]
