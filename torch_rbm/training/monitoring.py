"""Honest numbers about an RBM after each epoch."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from torch_rbm.diagnostics import mean_and_error
from torch_rbm.evaluation import log_likelihood
from torch_rbm.pseudo_likelihood import pseudo_log_likelihood
from torch_rbm.rbm import RBM
from torch_rbm.training.history import RBMEpoch

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
def pseudo_likelihood(rbm: RBM, batch: Tensor | None) -> float | None:
    """The stochastic pseudo-log-likelihood of a batch; None where it has none."""
    if batch is None or rbm.visible_layer().continuous or batch.layout != torch.strided:
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


class RBMMonitor:
    """Measures an RBM between epochs.

    Args:
        where: the caller's name, for messages.
        rbm: the RBM.
        criterion: its loss, which may have chains.
        validation: states [cases, visible] whose likelihood is estimated, or None.

    Raises:
        TypeError, ValueError: ``validation`` is nothing that the visible units can have.
    """

    epoch = RBMEpoch

    def __init__(
        self, where: str, rbm: RBM, criterion: nn.Module, validation: Tensor | None
    ) -> None:
        if validation is not None:
            rbm.visible_layer().check(where, "validation", validation, states=True)
        self._rbm = rbm
        self._criterion = criterion
        self._validation = validation
        self._warning = LagWarning()

    def measure(self, epoch: int, batch: Tensor | None, due: bool) -> dict[str, float | None]:
        """Return what an epoch records beside its loss; costly things only when they are due."""
        lag = chain_lag(self._rbm, self._criterion) if due else None
        self._warning.look(epoch, lag)
        return {
            "pseudo_log_likelihood": pseudo_likelihood(self._rbm, batch) if due else None,
            "log_likelihood": self._log_likelihood(),
            "chain_lag": None if lag is None else lag[0],
        }

    def hint(self) -> str:
        """Return what else, beside a lower learning rate, may keep a training from diverging."""
        visible, hidden = self._rbm.visible_layer(), self._rbm.hidden_layer()
        if visible.continuous and hidden.continuous:
            return ", or smaller weights: two continuous layers have a density only with small ones"
        return ", or standardised data if these are not" if visible.continuous else ""

    def _log_likelihood(self) -> float | None:
        if self._validation is None:
            return None
        return log_likelihood(
            self._rbm,
            self._validation,
            betas=_BETAS,
            generator=_own_generator(self._rbm),
            progress=False,
        ).value
