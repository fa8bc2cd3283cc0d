"""From features to ratings: softmax regressions of many units at once."""

from __future__ import annotations

import torch
from torch import Tensor


def fit_readouts(
    features: Tensor, levels: Tensor, prior: Tensor, penalty: Tensor, steps: int = 30
) -> Tensor:
    """Return, for each unit, the weights that make its ratings likely and are near to a prior.

    They minimise −Σ log p(level | features) + ½ Σ penalty · (weight − prior)², where p is the
    softmax of weight · features: a convex problem with one solution. Newton steps with a bound of
    the Hessian, which is factorised once, never overshoot it (Böhning 1992).

    Args:
        features: one row for each rating of a unit, 0 where it has fewer than others,
            [units, ratings, features].
        levels: of the ratings, −1 where there is none, int64 [units, ratings].
        prior: the weights where there are no ratings, [levels, features].
        penalty: for each feature, more than 0, [features].
        steps: Newton steps.

    Returns:
        Weights [units, levels, features].
    """
    happened = levels.unsqueeze(-1) == torch.arange(prior.size(0), device=levels.device)
    happened = happened.to(features.dtype)
    if features.size(1) < features.size(2):
        return prior + _by_ratings(features, happened, prior, penalty, steps)
    return prior + _by_features(features, happened, prior, penalty, steps)


def _by_features(
    features: Tensor, happened: Tensor, prior: Tensor, penalty: Tensor, steps: int
) -> Tensor:
    """What the ratings add to the prior, by systems of as many equations as there are features."""
    turned = features.transpose(1, 2)
    factor = torch.linalg.cholesky(0.5 * turned @ features + torch.diag(penalty))
    base = features @ prior.t()
    # [units, features, levels], as the solver wants it.
    change = torch.zeros_like(turned[:, :, :1]).expand(-1, -1, prior.size(0))
    for _ in range(steps):
        surprise = (base + features @ change).softmax(2) - happened
        gradient = turned @ surprise + change * penalty.unsqueeze(1)
        change = change - torch.cholesky_solve(gradient, factor)
    return change.transpose(1, 2)


def _by_ratings(
    features: Tensor, happened: Tensor, prior: Tensor, penalty: Tensor, steps: int
) -> Tensor:
    """The same by as many equations as there are ratings.

    The change is always a sum of the features of the ratings, divided by the penalty: steps are
    made for the shares of the ratings in it.
    """
    turned = (features / penalty).transpose(1, 2)
    kernel = features @ turned
    factor = torch.linalg.cholesky(0.5 * kernel + torch.eye(kernel.size(1)).to(kernel))
    base = features @ prior.t()
    rated = happened.sum(2, keepdim=True)
    share = torch.zeros_like(base)
    for _ in range(steps):
        surprise = (base + kernel @ share).softmax(2) * rated - happened
        share = share - torch.cholesky_solve(surprise + share, factor)
    return (turned @ share).transpose(1, 2)
