"""From features to ratings: one softmax regression for each unit."""

from __future__ import annotations

import torch
from torch import Tensor


def fit_readout(
    features: Tensor, levels: Tensor, prior: Tensor, penalty: Tensor, steps: int = 30
) -> Tensor:
    """Return the weights that make ratings likely and are near to a prior.

    They minimise −Σ log p(level | features) + ½ Σ penalty · (weight − prior)², where p is the
    softmax of weight · features: a convex problem with one solution. Newton steps with a bound of
    the Hessian, which is factorised once, never overshoot it (Böhning 1992).

    Args:
        features: one row for each rating, [ratings, features].
        levels: of the ratings, int64 [ratings].
        prior: the weights where there are no ratings, [levels, features].
        penalty: for each feature, more than 0, [features].
        steps: Newton steps.

    Returns:
        Weights [levels, features].
    """
    weight = prior.clone()
    if len(levels) == 0:
        return weight
    happened = torch.nn.functional.one_hot(levels, prior.size(0)).to(features.dtype)
    factor = torch.linalg.cholesky(0.5 * features.t() @ features + torch.diag(penalty))
    for _ in range(steps):
        surprise = (features @ weight.t()).softmax(1) - happened
        gradient = surprise.t() @ features + (weight - prior) * penalty
        weight = weight - torch.cholesky_solve(gradient.t(), factor).t()
    return weight
