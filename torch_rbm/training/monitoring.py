"""Honest numbers after each epoch, and when to stop."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm.diagnostics import mean_and_error
from torch_rbm.evaluation import log_likelihood
from torch_rbm.pseudo_likelihood import pseudo_log_likelihood
from torch_rbm.rbm import RBM
from torch_rbm.training.history import Epoch
from torch_rbm.validation import check_count

_BETAS = 1000
_ROWS = 1000
_CHAINS = 100
_LAG_STEPS = 50
_LAG_NATS = 20.0
_LAG_ERRORS = 5


def _own_generator(rbm: RBM) -> torch.Generator:
    """Numbers of its own: what is measured must not change what is trained."""
    return torch.Generator(rbm.weight.device).manual_seed(0)


@torch.no_grad()
def pseudo_likelihood(rbm: RBM, batch: Tensor) -> float | None:
    """The stochastic pseudo-log-likelihood of a batch; None where it has none."""
    if rbm.visible_layer().continuous or batch.layout != torch.strided or batch.numel() == 0:
        return None
    # One random unit of a row says little: rows are asked several times.
    rows = batch.repeat(-(-_ROWS // len(batch)), 1)[:_ROWS]
    try:
        values = pseudo_log_likelihood(rbm, rows, stochastic=True, generator=_own_generator(rbm))
    except ValueError:  # means, or missing values
        return None
    return values.double().mean().item()


@torch.no_grad()
def chain_lag(rbm: RBM, criterion: nn.Module) -> tuple[float, float] | None:
    """How far the chains of a loss are behind the model, and the standard error, in nats."""
    chain = getattr(criterion, "chain", None)
    if not isinstance(chain, Tensor) or getattr(criterion, "mean_visible", False):
        return None
    states = (chain[-1] if chain.dim() == 3 else chain)[:_CHAINS]
    after, _ = rbm.gibbs(states, _LAG_STEPS, generator=_own_generator(rbm))
    return mean_and_error((rbm.free_energy(states) - rbm.free_energy(after)).double())


class LagWarning:
    """Warns once when the chains are behind the model by more than chance and more than a little.

    Early in a training weights move fast and chains cannot follow; what is said is said of epochs
    after the first.
    """

    def __init__(self) -> None:
        self._warned = False

    def look(self, epoch: int, lag: tuple[float, float] | None) -> None:
        """Take in the lag after an epoch."""
        if self._warned or lag is None or epoch < 2:
            return
        value, error = lag
        if value > _LAG_NATS and value > _LAG_ERRORS * error:  # false where the error is NaN
            self._warned = True
            warnings.warn(
                f"fit: the chains are {value:.3g} nats behind the model after epoch {epoch}: "
                "gradients are biased while they are; a lower learning rate or more steps help",
                stacklevel=2,
            )


class EarlyStopping:
    """The validation likelihood of each epoch, and the best parameters.

    Args:
        where: the caller's name, for messages.
        rbm: the RBM.
        validation: states [cases, visible], or None.
        patience: epochs without a better likelihood after which to stop; None never to.

    Raises:
        TypeError, ValueError: an argument is not as described.
    """

    def __init__(
        self, where: str, rbm: RBM, validation: Tensor | None, patience: int | None
    ) -> None:
        if patience is not None:
            check_count(where, "patience", patience, 1)
            if validation is None:
                raise ValueError(f"{where}: expected validation data with patience, got None")
        if validation is not None:
            rbm.visible_layer().check(where, "validation", validation, states=True)
        self._validation = validation
        self._patience = patience
        self._best: dict[str, Tensor] | None = None
        self._best_epoch = 0
        self._best_value = -float("inf")

    def log_likelihood(self, rbm: RBM) -> float | None:
        """The validation likelihood of the RBM as it is, in nats per case."""
        if self._validation is None:
            return None
        return log_likelihood(
            rbm, self._validation, betas=_BETAS, generator=_own_generator(rbm), progress=False
        ).value

    def after(self, rbm: RBM, epoch: Epoch) -> bool:
        """Keep the parameters if they are the best; return whether to stop."""
        if self._patience is None or epoch.log_likelihood is None:
            return False
        if epoch.log_likelihood > self._best_value:
            self._best_value, self._best_epoch = epoch.log_likelihood, epoch.epoch
            self._best = {name: value.clone() for name, value in rbm.state_dict().items()}
        return epoch.epoch - self._best_epoch >= self._patience

    def apply(self, rbm: RBM) -> int | None:
        """Set the RBM to the best parameters; return their epoch."""
        if self._best is None:
            return None
        rbm.load_state_dict(self._best)
        return self._best_epoch

    def state_dict(self) -> dict[str, Any]:
        """Return what is known so far."""
        return {"best": self._best, "epoch": self._best_epoch, "value": self._best_value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self._best, self._best_epoch = state["best"], state["epoch"]
        self._best_value = state["value"]
