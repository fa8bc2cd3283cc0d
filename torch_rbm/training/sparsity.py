"""A target for how often hidden units are active."""

from __future__ import annotations

from torch import Tensor, nn

from torch_rbm.rbm import RBM


class SparsityTarget(nn.Module):
    """Penalty on hidden units that are active more or less often than wanted (Hinton 2010, 11).

    The cross-entropy −p log q − (1 − p) log(1 − q) between the wanted share p of cases and the mean
    probability q of each unit under the batch, summed over the units; its gradient for the field of
    a unit is q − p (Nair and Hinton 2009). For Bernoulli hidden units.

    Args:
        target: p, in (0, 1); 0.01 to 0.1 are usual.
        cost: what the penalty is multiplied with.
    """

    def __init__(self, target: float = 0.05, cost: float = 0.1) -> None:
        super().__init__()
        if not 0 < target < 1:
            raise ValueError(f"SparsityTarget: expected target in (0, 1), got {target}")
        if not cost >= 0:
            raise ValueError(f"SparsityTarget: expected cost >= 0, got {cost}")
        self.target = float(target)
        self.cost = float(cost)

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        return f"target={self.target}, cost={self.cost}"

    def forward(self, rbm: RBM, data: Tensor) -> Tensor:
        """Return the penalty, a scalar, for ``data`` [batch, visible]."""
        if rbm.hidden_layer().only != "bernoulli":
            raise ValueError(
                f"SparsityTarget: expected bernoulli hidden units, got {rbm.hidden_units!r}"
            )
        q = rbm.hidden_mean(data).mean(0).clamp(1e-6, 1 - 1e-6)
        entropy = -self.target * q.log() - (1 - self.target) * (-q).log1p()
        return self.cost * entropy.sum()


def check_sparsity(where: str, sparsity: object) -> None:
    """Require a sparsity target or None.

    Raises:
        TypeError: it is neither.
    """
    if sparsity is not None and not isinstance(sparsity, SparsityTarget):
        raise TypeError(
            f"{where}: expected sparsity to be a torch_rbm.SparsityTarget, got "
            f"{type(sparsity).__name__}"
        )
