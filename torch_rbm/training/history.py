"""What a training reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """One pass over the data.

    Attributes:
        epoch: its number, from 1.
        updates: updates of the whole training up to its end.
        loss: the mean value of the loss; for sampled losses the energy gap between data and chains,
            which is no likelihood and need not fall.
        pseudo_log_likelihood: a stochastic estimate for the last batch, in nats per case; None
            where the units have none or the data are not states, and, from the eleventh epoch
            on, in epochs that do not complete twenty updates more.
        log_likelihood: that of the validation data, in nats per case, where it was estimated.
        chain_lag: how much the free energy of the loss's chains falls when they are given fifty
            Gibbs steps without learning, in nats; None for losses without chains of their own, and
            in short epochs likewise.
        learning_rate: at its end.
        seconds: what it took, without validation.
    """

    epoch: int
    updates: int
    loss: float
    pseudo_log_likelihood: float | None
    log_likelihood: float | None
    chain_lag: float | None
    learning_rate: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the values by name."""
        return asdict(self)


@dataclass
class History:
    """All epochs of a training.

    Attributes:
        epochs: one record each.
        best_epoch: the number of the epoch whose parameters were kept, where validation data chose
            it; otherwise None.
        stopped_early: whether validation data ended the training.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int | None = None
    stopped_early: bool = False

    @property
    def losses(self) -> list[float]:
        """The loss of each epoch."""
        return [epoch.loss for epoch in self.epochs]

    @property
    def log_likelihoods(self) -> list[float | None]:
        """The validation log-likelihood of each epoch."""
        return [epoch.log_likelihood for epoch in self.epochs]

    def state_dict(self) -> dict[str, Any]:
        """Return everything as numbers, lists and dicts."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take everything from what ``state_dict`` returned."""
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self.best_epoch = state["best_epoch"]
        self.stopped_early = state["stopped_early"]
