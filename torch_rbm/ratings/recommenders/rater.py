"""What every predictor of ratings can be asked, by numbers of users and items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.tables.names import Names


class Rater(ABC):
    """Predicts ratings from training ratings.

    Args:
        users: names of the users of the training, by number.
        items: names of the items.
        scale: the ratings that there are, ascending, float64 [levels].
        seen: the training ratings, with users as cases.
    """

    def __init__(
        self, users: Iterable[Any], items: Iterable[Any], scale: Tensor, seen: Ratings
    ) -> None:
        self.users = Names("user", users)
        self.items = Names("item", items)
        self.scale = scale
        self.seen = seen

    @abstractmethod
    def expected(self, users: Tensor, items: Tensor) -> Tensor | None:
        """Expected ratings, float64 [pairs], of users and items, int64 [pairs].

        None for a predictor of choices. The number of all users, or items, stands for one that the
        training ratings do not have.
        """

    def probabilities(self, users: Tensor, items: Tensor) -> Tensor | None:
        """p(level) of such pairs, [pairs, levels]; None for a predictor without probabilities."""
        return None

    @abstractmethod
    def scores(self, user: int) -> Tensor:
        """How good each item is for a user, float64 [items]."""

    def rated_by(self, user: int) -> Tensor:
        """The items that a user has rated in training, int64; none for an unknown user."""
        if user == len(self.users):
            return self.seen.items[:0]
        return self.seen.items[self.seen.crow[user] : self.seen.crow[user + 1]]

    def top(self, user: int, count: int) -> Tensor:
        """The best items for a user that she has not rated in training, int64 [count]."""
        scores = self.scores(user).clone()
        scores[self.rated_by(user)] = -torch.inf
        best = torch.topk(scores, min(count, len(scores)))
        return best.indices[best.values > -torch.inf]
