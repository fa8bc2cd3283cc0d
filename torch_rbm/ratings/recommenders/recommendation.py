"""What recommenders answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Prediction:
    """Predicted ratings of items by a user.

    Attributes:
        items: their names.
        scale: the ratings that there are, float64 [levels].
        probabilities: of each of them, float64 [items, levels].
    """

    items: list[Any]
    scale: Tensor
    probabilities: Tensor

    @property
    def mean(self) -> Tensor:
        """Expected ratings, float64 [items]."""
        return self.probabilities @ self.scale

    @property
    def std(self) -> Tensor:
        """Their uncertainty, a standard deviation, float64 [items]."""
        gap = self.scale - self.mean.unsqueeze(1)
        return (self.probabilities * gap.square()).sum(1).sqrt()


@dataclass(frozen=True)
class Recommendation:
    """An item that a user may like.

    Attributes:
        item: its name.
        title: what people call it; the name where no title is known.
        rating: the expected rating.
        std: the standard deviation of what the rating may be.
    """

    item: Any
    title: str
    rating: float
    std: float


@dataclass(frozen=True)
class Choice:
    """An item that a user may choose.

    Attributes:
        item: its name.
        title: what people call it; the name where no title is known.
        probability: that the user chooses it, given all else that she did and did not choose.
    """

    item: Any
    title: str
    probability: float


def titles_by_name(titles: Mapping[Any, str] | None) -> dict[str, str]:
    """Return titles by names as strings, so that 42 and "42" are the same."""
    return {str(item): title for item, title in (titles or {}).items()}


def titled(titles: Mapping[str, str], item: Any) -> str:
    """Return the title of an item, or its name where there is none."""
    return titles.get(str(item), str(item))
