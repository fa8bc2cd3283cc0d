"""Ratings with known parameters, to try things without a download."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.rbm import RatingsRBM
from torch_rbm.ratings.tables.table import RatingTable
from torch_rbm.validation import check_count

_GIBBS_STEPS = 20
_POPULAR = 20  # Items' chances fall with 1 / (rank + this).


@torch.no_grad()
def synthetic_ratings(
    users: int = 500,
    items: int = 300,
    ratings: int = 30_000,
    *,
    levels: int = 10,
    hidden: int = 8,
    strength: float = 6.0,
    generator: torch.Generator | None = None,
) -> tuple[RatingTable, RatingsRBM]:
    """Draw ratings from an RBM with random parameters, items being the cases.

    Hidden units are traits of items, some of which please most users, some only those of a taste.
    Few users rate much and few items are rated much, as in real ratings. Which items a user rates
    does not depend on her taste; the times of her ratings are in random order.

    Args:
        users: number of users, named from 1.
        items: number of items, named from 1.
        ratings: number of ratings, at most half of all pairs.
        levels: levels of the scale, which goes in steps of a half from 0.5.
        hidden: hidden units of the RBM.
        strength: standard deviation, between users, of what a trait changes in the logarithm of the
            odds of the highest level against the lowest.
        generator: source of random numbers; the default generator when None.

    Returns:
        The ratings, and the RBM that they were drawn from, with users in the place of items.
    """
    where = "synthetic_ratings"
    users = check_count(where, "users", users, 1)
    items = check_count(where, "items", items, 1)
    ratings = check_count(where, "ratings", ratings, 1)
    levels = check_count(where, "levels", levels, 2)
    if 2 * ratings > users * items:
        raise ValueError(
            f"{where}: expected ratings to be at most half of {users * items} pairs, got {ratings}"
        )

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    height = torch.linspace(-0.5, 0.5, levels)
    rbm = RatingsRBM(users, levels, hidden)
    taste = normal(users, 1, hidden) + 0.5 * normal(hidden)
    rbm.weight.copy_(strength * height[:, None] * taste)
    # Levels are normal around a user's generosity.
    generosity = 0.1 * normal(users, 1)
    rbm.visible_bias.copy_(-((height - generosity) ** 2) / (2 * 0.2**2))
    rbm.hidden_bias.zero_()
    activity = normal(users).exp()
    popularity = 1 / (torch.randperm(items, generator=generator) + float(_POPULAR))
    user, item = _pairs(activity, popularity, ratings, generator)
    level = torch.randint(levels, user.shape, generator=generator)
    cases = Ratings.of(item, user, level, items)
    level, _ = rbm.gibbs(*cases, _GIBBS_STEPS, generator)
    table = RatingTable(
        np.arange(1, users + 1),
        np.arange(1, items + 1),
        torch.arange(1, levels + 1, dtype=torch.float64) / 2,
        cases.items,
        cases.cases(),
        level,
        torch.randperm(len(level), generator=generator).double(),
    )
    return table, rbm


def _pairs(
    activity: Tensor, popularity: Tensor, count: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """So many different pairs of users and items, drawn by their weights."""
    items = len(popularity)
    found = torch.zeros(0, dtype=torch.int64)
    while len(found) < count:
        missing = 2 * (count - len(found)) + 100
        user = _draw(activity, missing, generator)
        item = _draw(popularity, missing, generator)
        found = torch.unique(torch.cat([found, user * items + item]))
    chosen = found[torch.randperm(len(found), generator=generator)[:count]]
    return chosen // items, chosen % items


def _draw(weights: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    bounds = weights.double().cumsum(0)
    uniform = torch.rand(count, generator=generator, dtype=torch.float64) * bounds[-1]
    return torch.searchsorted(bounds, uniform, right=True).clamp(max=len(weights) - 1)
