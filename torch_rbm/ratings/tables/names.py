"""Names of users or items, and their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Names:
    """Names by number, and numbers by name.

    Args:
        kind: what has the names, for messages.
        values: the names in the order of their numbers: whole numbers or strings.
    """

    def __init__(self, kind: str, values: Iterable[Any]) -> None:
        self.kind = kind
        self.values = [value.item() if isinstance(value, np.generic) else value for value in values]
        self._numbers = {str(value): number for number, value in enumerate(self.values)}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.values)

    def __contains__(self, name: Any) -> bool:
        """Whether there is this name; 42 and "42" are the same."""
        return str(name) in self._numbers

    def number(self, name: Any) -> int:
        """Return the number of a name; 42 and "42" are the same.

        Raises:
            ValueError: there is none of this name.
        """
        if name not in self:
            raise ValueError(
                f"expected one of the {self.kind}s of the training ratings, got {name!r}"
            )
        return self._numbers[str(name)]

    def known_numbers(self, names: Iterable[Any]) -> Tensor:
        """Return the numbers of names, int64 [names].

        Raises:
            ValueError: there is none of one of these names.
        """
        return torch.tensor([self.number(name) for name in names], dtype=torch.int64)

    def numbers(self, names: Iterable[Any]) -> Tensor:
        """Return the numbers of names, int64 [names]; the number of all for those unknown."""
        unknown = len(self.values)
        return torch.tensor(
            [self._numbers.get(str(name), unknown) for name in names], dtype=torch.int64
        )
