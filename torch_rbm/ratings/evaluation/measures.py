"""How good predicted ratings and ranked lists are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def root_mean_squared_error(predicted: Tensor, ratings: Tensor) -> float:
    """√mean (predicted − rating)², of two tensors [ratings]."""
    return float((predicted.detach().double() - ratings.double()).square().mean().sqrt())


def mean_absolute_error(predicted: Tensor, ratings: Tensor) -> float:
    """Mean absolute difference of two tensors [ratings]."""
    return float((predicted.detach().double() - ratings.double()).abs().mean())


def mean_negative_log_likelihood(probabilities: Tensor, levels: Tensor) -> float:
    """Mean −log p(level), in nats.

    Args:
        probabilities: of each level, [ratings, levels].
        levels: those that the ratings have, int64 [ratings].
    """
    chosen = probabilities.detach().double().gather(1, levels.unsqueeze(1))
    return float(-chosen.log().mean())


@dataclass(frozen=True)
class Calibration:
    """Whether what is predicted with probability p happens with frequency p.

    All levels of all ratings are put into bins by their predicted probability.

    Attributes:
        predicted: mean predicted probability of each bin, [bins]; NaN where it is empty.
        observed: share of the bin's levels that the ratings had, [bins].
        count: how many there are, [bins].
        error: mean absolute difference of both over bins, each with the weight of its count
            (expected calibration error, Naeini, Cooper and Hauskrecht 2015).
    """

    predicted: Tensor
    observed: Tensor
    count: Tensor
    error: float


def calibration(probabilities: Tensor, levels: Tensor, bins: int = 20) -> Calibration:
    """Compare predicted probabilities with frequencies.

    Args:
        probabilities: of each level, [ratings, levels].
        levels: those that the ratings have, int64 [ratings].
        bins: bins of equal width in [0, 1].
    """
    happened = torch.nn.functional.one_hot(levels, probabilities.size(1)).flatten().double()
    predicted = probabilities.detach().double().flatten()
    bin_ = (predicted * bins).long().clamp(max=bins - 1)
    count = torch.bincount(bin_, minlength=bins)
    mean_predicted = torch.bincount(bin_, predicted, bins) / count
    mean_observed = torch.bincount(bin_, happened, bins) / count
    gap = (mean_predicted - mean_observed).abs().nan_to_num()
    error = float((gap * count).sum() / count.sum().clamp(min=1))
    return Calibration(mean_predicted, mean_observed, count, error)


@dataclass(frozen=True)
class Ranking:
    """How good the first k of ranked lists are.

    Attributes:
        ndcg: normalised discounted cumulative gain (Järvelin and Kekäläinen 2002) with gain 1 for
            every relevant item, mean over the users that have one.
        recall: share of a user's relevant items that are in the list, mean over the same users.
        coverage: share of all items that are in the list of any user.
    """

    ndcg: float
    recall: float
    coverage: float


def ranking(lists: Tensor, relevant_crow: Tensor, relevant_items: Tensor, items: int) -> Ranking:
    """Compare ranked lists with what users turned out to want.

    Args:
        lists: numbers of items, the best first, int64 [users, k]; -1 where a list is shorter.
        relevant_crow: int64 [users + 1]: user i wants the relevant items number
            ``relevant_crow[i]`` to ``relevant_crow[i + 1]``.
        relevant_items: int64 [relevant].
        items: how many items there are.
    """
    users, k = lists.shape
    wanted = relevant_crow.diff()
    numbers = torch.repeat_interleave(torch.arange(users, device=lists.device), wanted)
    pairs = numbers * items + relevant_items
    listed = torch.arange(users, device=lists.device).unsqueeze(1) * items + lists
    hits = torch.isin(listed, pairs) & (lists >= 0)
    discount = torch.arange(2, k + 2, device=lists.device).double().log2().reciprocal()
    best = torch.cat([discount.new_zeros(1), discount.cumsum(0)])[wanted.clamp(max=k)]
    has = wanted > 0
    gain = (hits * discount).sum(1)
    return Ranking(
        float((gain[has] / best[has]).mean()),
        float((hits.sum(1)[has] / wanted[has]).mean()),
        len(torch.unique(lists[lists >= 0])) / items,
    )
