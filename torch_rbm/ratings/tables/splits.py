"""Tables in two: what a recommender may see, and what it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from torch_rbm.ratings.tables.table import RatingTable
from torch_rbm.validation import check_count


def random_split(
    table: RatingTable, share: float = 0.1, generator: torch.Generator | None = None
) -> tuple[RatingTable, RatingTable]:
    """Split ratings at random into training and test ratings.

    Args:
        table: all ratings.
        share: of the test ratings, between 0 and 1.
        generator: draws them; the default generator when None.

    Raises:
        ValueError: one side would be empty.
    """
    count = round(share * len(table))
    if not 0 < count < len(table):
        raise ValueError(
            f"random_split: expected a share that leaves ratings on both sides, got {share} of "
            f"{len(table)}"
        )
    order = torch.randperm(len(table), generator=generator)
    return table.subset(order[count:]), table.subset(order[:count])


def k_fold(
    table: RatingTable, folds: int = 5, generator: torch.Generator | None = None
) -> Iterator[tuple[RatingTable, RatingTable]]:
    """Yield training and test ratings so that each rating is in the test once.

    Args:
        table: all ratings.
        folds: how many pairs, from 2 to the number of ratings.
        generator: shuffles the ratings; the default generator when None.
    """
    folds = check_count("k_fold", "folds", folds, 2)
    if folds > len(table):
        raise ValueError(f"k_fold: expected at most {len(table)} folds, got {folds}")
    parts = torch.randperm(len(table), generator=generator).tensor_split(folds)
    for index, part in enumerate(parts):
        rest = torch.cat([other for place, other in enumerate(parts) if place != index])
        yield table.subset(rest), table.subset(part)


def leave_last_out(table: RatingTable, count: int = 1) -> tuple[RatingTable, RatingTable]:
    """Take the last ratings of each user as test ratings; users keep at least one for training.

    Args:
        table: all ratings, with times.
        count: ratings of a user that are taken.

    Raises:
        ValueError: the ratings have no times.
    """
    count = check_count("leave_last_out", "count", count, 1)
    if table.time is None:
        raise ValueError("leave_last_out: expected ratings with times, got none")
    order = torch.argsort(table.time, stable=True)
    order = order[torch.argsort(table.user[order], stable=True)]
    totals = torch.bincount(table.user, minlength=len(table.users))
    ends = totals.cumsum(0)
    user = table.user[order]
    from_end = ends[user] - torch.arange(len(table))
    is_last = from_end <= count
    is_last &= from_end < totals[user]
    return table.subset(order[~is_last]), table.subset(order[is_last])
