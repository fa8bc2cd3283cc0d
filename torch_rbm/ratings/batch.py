"""Ratings of cases in compressed sparse row layout."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from torch_rbm.sparse import row_places, starts_of


class Ratings(NamedTuple):
    """Ratings of items by cases; case i has the ratings number ``crow[i]`` to ``crow[i + 1]``.

    Attributes:
        crow: int64 [cases + 1].
        items: int64 [ratings].
        levels: int64 [ratings], from 0.
    """

    crow: Tensor
    items: Tensor
    levels: Tensor

    @staticmethod
    def of(cases: Tensor, items: Tensor, levels: Tensor, count: int) -> Ratings:
        """Sort ratings, int64 [ratings] each, by their cases, of which there are ``count``."""
        order = torch.argsort(cases, stable=True)
        crow = starts_of(torch.bincount(cases, minlength=count))
        return Ratings(crow, items[order], levels[order])

    @property
    def size(self) -> int:
        """The number of cases."""
        return len(self.crow) - 1

    def cases(self) -> Tensor:
        """The case of each rating, int64 [ratings]."""
        numbers = torch.arange(self.size, device=self.crow.device)
        return torch.repeat_interleave(numbers, self.crow.diff(), output_size=len(self.items))

    def select(self, cases: Tensor) -> Ratings:
        """The ratings of some cases, in their order; a case may be there more than once."""
        crow, places = row_places(self.crow, cases)
        return Ratings(crow, self.items[places], self.levels[places])

    def transposed(self, items: int) -> Ratings:
        """The same ratings with items as cases, and cases as items."""
        return Ratings.of(self.items, self.cases(), self.levels, items)
