"""When to stop, and which parameters to keep."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from torch_rbm.training.history import Epoch
from torch_rbm.validation import check_count


class EarlyStopping:
    """Keeps the parameters of the epoch with the best score.

    Args:
        where: the caller's name, for messages.
        patience: epochs without a better score after which to stop; None to keep the last ones.
        validated: whether there are validation data.

    Raises:
        TypeError, ValueError: ``patience`` is no count, or there is nothing to score by.
    """

    def __init__(self, where: str, patience: int | None, *, validated: bool) -> None:
        if patience is not None:
            check_count(where, "patience", patience, 1)
            if not validated:
                raise ValueError(f"{where}: expected validation data with patience, got None")
        self._patience = patience
        self._best: dict[str, Tensor] | None = None
        self._best_epoch = 0
        self._best_value = -float("inf")

    def after(self, module: nn.Module, epoch: Epoch) -> bool:
        """Keep the parameters if they are the best; return whether to stop."""
        if self._patience is None or epoch.score is None:
            return False
        if epoch.score > self._best_value:
            self._best_value, self._best_epoch = epoch.score, epoch.epoch
            self._best = {name: value.clone() for name, value in module.state_dict().items()}
        return epoch.epoch - self._best_epoch >= self._patience

    def apply(self, module: nn.Module) -> int | None:
        """Set the module to the best parameters; return their epoch."""
        if self._best is None:
            return None
        module.load_state_dict(self._best)
        return self._best_epoch

    def state_dict(self) -> dict[str, Any]:
        """Return what is known so far."""
        return {"best": self._best, "epoch": self._best_epoch, "value": self._best_value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self._best, self._best_epoch = state["best"], state["epoch"]
        self._best_value = state["value"]
