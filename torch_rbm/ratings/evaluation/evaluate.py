"""Predictors of ratings on ratings that they have not seen."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.evaluation.measures import (
    calibration,
    mean_absolute_error,
    mean_negative_log_likelihood,
    ranking,
    root_mean_squared_error,
)
from torch_rbm.ratings.recommenders.rater import Rater
from torch_rbm.ratings.tables.levels import levels_on
from torch_rbm.ratings.tables.table import RatingTable
from torch_rbm.validation import check_count


@dataclass(frozen=True)
class Scores:
    """What test ratings say about a predictor.

    Attributes:
        rmse: root mean squared error of the expected ratings; None where choices are predicted.
        mae: their mean absolute error; None likewise.
        nll: mean −log p(rating) in nats; None without probabilities.
        calibration_error: see :class:`torch_rbm.ratings.Calibration`; None likewise.
        ndcg: of ranked lists; see :class:`torch_rbm.ratings.Ranking`; None where not asked for.
        recall: likewise.
        coverage: likewise.
    """

    rmse: float | None = None
    mae: float | None = None
    nll: float | None = None
    calibration_error: float | None = None
    ndcg: float | None = None
    recall: float | None = None
    coverage: float | None = None

    def __str__(self) -> str:
        """Return the numbers that there are, on a line."""
        return ", ".join(
            f"{name} {value:.4f}" for name, value in vars(self).items() if value is not None
        )


@torch.no_grad()
def evaluate(rater: Rater, test: RatingTable, *, k: int | None = None) -> Scores:
    """Measure how well a recommender or a baseline predicts ratings that it has not seen.

    Predictions are made from the training ratings alone. Users and items that training did not have
    count, too.

    Args:
        rater: a :class:`torch_rbm.Recommender` or one of the baselines.
        test: other ratings than those of the training.
        k: also rank items: length of the lists that the users with test ratings get, of items that
            they have not rated in training. Every test rating counts as wanted, whatever it is.

    Raises:
        ValueError: a test rating was in the training, or its value is none of the scale.
    """
    user = rater.users.numbers(test.users)[test.user]
    item = rater.items.numbers(test.items)[test.item]
    _refuse_seen(rater, test, user, item)
    values = test.values()
    rmse = mae = nll = error = None
    expected = rater.expected(user, item) if len(rater.scale) > 1 else None
    if expected is not None:
        rmse = root_mean_squared_error(expected, values)
        mae = mean_absolute_error(expected, values)
    probabilities = rater.probabilities(user, item) if len(rater.scale) > 1 else None
    if probabilities is not None:
        level = levels_on(
            "evaluate", rater.scale, values, lambda row: f"in rating {row} of the test"
        )
        nll = mean_negative_log_likelihood(probabilities, level)
        error = calibration(probabilities, level).error
    ndcg = recall = coverage = None
    if k is not None:
        ranks = _ranking(rater, user, item, check_count("evaluate", "k", k, 1))
        ndcg, recall, coverage = ranks
    return Scores(rmse, mae, nll, error, ndcg, recall, coverage)


def _refuse_seen(rater: Rater, test: RatingTable, user: Tensor, item: Tensor) -> None:
    count = len(rater.items) + 1
    seen = rater.seen.cases() * count + rater.seen.items
    again = torch.nonzero(torch.isin(user * count + item, seen)).flatten()
    if len(again) > 0:
        row = int(again[0])
        raise ValueError(
            f"evaluate: expected test ratings that were not in the training, got {len(again)} that "
            f"were, such as item {test.items[test.item[row]]} by user {test.users[test.user[row]]}"
        )


def _ranking(rater: Rater, user: Tensor, item: Tensor, k: int) -> tuple[float, float, float]:
    users, row = torch.unique(user, return_inverse=True)
    lists = torch.full((len(users), k), -1)
    for place, number in enumerate(users.tolist()):
        best = rater.top(number, k)
        lists[place, : len(best)] = best
    wanted = Ratings.of(row, item, torch.zeros_like(item), len(users))
    measured = ranking(lists, wanted.crow, wanted.items, len(rater.items))
    return measured.ndcg, measured.recall, measured.coverage
