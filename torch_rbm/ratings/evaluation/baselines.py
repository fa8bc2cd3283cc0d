"""What a recommender has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_rbm.ratings.recommenders.rater import Rater
from torch_rbm.ratings.tables.table import RatingTable

_SWEEPS = 50


class GlobalMean(Rater):
    """Expects the mean of all ratings, and gives their frequencies as probabilities."""

    def __init__(self, table: RatingTable) -> None:
        super().__init__(table.users, table.items, table.scale, table.by_user())
        self._mean = table.values().mean()
        counts = torch.bincount(table.level, minlength=len(table.scale)).double()
        self._frequency = counts / counts.sum()

    def expected(self, users: Tensor, items: Tensor) -> Tensor:
        """The mean of all ratings."""
        return self._mean.expand(users.shape)

    def probabilities(self, users: Tensor, items: Tensor) -> Tensor:
        """The frequencies of all levels."""
        return self._frequency.expand(*users.shape, -1)

    def scores(self, user: int) -> Tensor:
        """The same for all."""
        return torch.zeros(len(self.items), dtype=torch.float64)


class UserItemBiases(Rater):
    """Expects mean + bias of the user + bias of the item (Koren, Bell and Volinsky 2009).

    Args:
        table: the training ratings.
        penalty: ratings that biases are drawn to 0 by.
    """

    def __init__(self, table: RatingTable, penalty: float = 3.0) -> None:
        super().__init__(table.users, table.items, table.scale, table.by_user())
        values = table.values()
        self._mean = values.mean()
        user_counts = torch.bincount(table.user, minlength=len(self.users)) + penalty
        item_counts = torch.bincount(table.item, minlength=len(self.items)) + penalty
        user_bias = torch.zeros(len(self.users), dtype=torch.float64)
        for _ in range(_SWEEPS):
            rest = values - self._mean - user_bias[table.user]
            item_bias = torch.bincount(table.item, rest, len(self.items)) / item_counts
            rest = values - self._mean - item_bias[table.item]
            user_bias = torch.bincount(table.user, rest, len(self.users)) / user_counts
        # Users and items that are not there have no bias.
        self._user_bias = torch.nn.functional.pad(user_bias, (0, 1))
        self._item_bias = torch.nn.functional.pad(item_bias, (0, 1))

    def expected(self, users: Tensor, items: Tensor) -> Tensor:
        """The mean and both biases."""
        return self._mean + self._user_bias[users] + self._item_bias[items]

    def scores(self, user: int) -> Tensor:
        """The biases of the items."""
        return self._item_bias[:-1]


class Popularity(GlobalMean):
    """Ranks items by the number of their ratings."""

    def __init__(self, table: RatingTable) -> None:
        super().__init__(table)
        self._counts = torch.bincount(table.item, minlength=len(self.items)).double()

    def scores(self, user: int) -> Tensor:
        """How many have rated each item."""
        return self._counts
