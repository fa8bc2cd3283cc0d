"""The RBM of ratings as a module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm.ratings.batch import Ratings
from torch_rbm.units import Units, UnitsLike
from torch_rbm.validation import check_count


class RatingsRBM(nn.Module):
    """An RBM of ratings (Salakhutdinov, Mnih and Hinton 2007).

    A case, such as a user, has rated some of the items, each at one of so many levels. Its visible
    units are one softmax unit for each item that it has rated, of parameters that all cases share;
    the other items are no part of the model of the case. The module maps ratings to E[h | ratings],
    [cases, hidden].

    With ``conditional=True`` the hidden units also see which items a case has to do with, rated or
    known to be so without the rating (the conditional RBM of the paper): hidden biases are
    c + Σ D over these items.

    Args:
        items: number of items.
        levels: number of levels of a rating, 2 or more.
        hidden: number of hidden units.
        hidden_units: what the hidden units are; see :class:`torch_rbm.RBM`. With "gaussian" ones
            the features are real numbers.
        conditional: let the hidden units see which items there are.
        device: device of the parameters.
        dtype: dtype of the parameters.

    Attributes:
        weight: W, [items, levels, hidden], at first drawn from N(0, 0.01²).
        visible_bias: b, [items, levels], at first 0; see :meth:`initialize`.
        hidden_bias: c, [hidden], at first 0.
        known_weight: D, [items, hidden], at first 0; None where not conditional.

    Raises:
        TypeError, ValueError: an argument is not as described.
    """

    def __init__(
        self,
        items: int,
        levels: int,
        hidden: int,
        *,
        hidden_units: UnitsLike = "bernoulli",
        conditional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        items = check_count(where, "items", items, 0)
        levels = check_count(where, "levels", levels, 2)
        hidden = check_count(where, "hidden", hidden, 0)
        self._hidden_layer = Units(where, "hidden_units", hidden_units, hidden)
        self.hidden_units = str(self._hidden_layer)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight = parameter(items, levels, hidden)
        self.visible_bias = parameter(items, levels)
        self.hidden_bias = parameter(hidden)
        self.known_weight = parameter(items, hidden) if conditional else None
        self.reset_parameters()

    @torch.jit.unused
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw ``weight`` from N(0, 0.01²) and set all else to 0."""
        nn.init.normal_(self.weight, std=0.01, generator=generator)
        for parameter in (self.visible_bias, self.hidden_bias, self.known_weight):
            if parameter is not None:
                nn.init.zeros_(parameter)

    @torch.jit.unused
    @torch.no_grad()
    def initialize(self, ratings: Ratings, smoothing: float = 5.0) -> None:
        """Set ``visible_bias`` to the logarithms of how often each level of an item is there.

        Args:
            ratings: of all cases.
            smoothing: how many ratings with the frequencies of all items together are added to
                those of each item, more than 0.
        """
        if not smoothing > 0:
            raise ValueError(f"RatingsRBM.initialize: expected smoothing > 0, got {smoothing}")
        items, levels = self.visible_bias.shape
        index = ratings.items * levels + ratings.levels
        counts = torch.bincount(index, minlength=items * levels).view(items, levels).double()
        overall = counts.sum(0) + 1  # a level that nobody has used is not impossible
        overall /= overall.sum()
        frequency = (counts + smoothing * overall) / (counts.sum(1, keepdim=True) + smoothing)
        bias = frequency.log()
        self.visible_bias.copy_(bias - bias.mean(1, keepdim=True))

    @torch.jit.unused
    def description(self) -> dict[str, Any]:
        """Return the class and the arguments that make a model like this, for files."""
        items, levels, hidden = self.weight.shape
        return {
            "class": "RatingsRBM",
            "items": items,
            "levels": levels,
            "hidden": hidden,
            "hidden_units": self._hidden_layer.as_argument(),
            "conditional": self.known_weight is not None,
            "dtype": str(self.weight.dtype).removeprefix("torch."),
        }

    @torch.jit.export
    def case_bias(self, known_crow: Tensor, known_items: Tensor) -> Tensor:
        """The hidden biases, [hidden], or where the RBM is conditional [cases, hidden].

        Args:
            known_crow: int64 [cases + 1].
            known_items: int64, the items that each case has to do with, rated or not.
        """
        if self.known_weight is None:
            return self.hidden_bias
        known = nn.functional.embedding_bag(
            known_items, self.known_weight, known_crow, mode="sum", include_last_offset=True
        )
        return self.hidden_bias + known

    def forward(self, crow: Tensor, items: Tensor, levels: Tensor) -> Tensor:
        """E[h | ratings], [cases, hidden], of ratings in compressed sparse row layout.

        Args:
            crow: int64 [cases + 1]: case i has the ratings number crow[i] to crow[i + 1].
            items: int64 [ratings].
            levels: int64 [ratings].
        """
        return torch.ops.torch_rbm.ratings_hidden_mean(
            crow,
            items,
            levels,
            self.weight,
            self.case_bias(crow, items),
            hidden_units=self.hidden_units,
        )

    @torch.jit.export
    def free_energy(self, crow: Tensor, items: Tensor, levels: Tensor) -> Tensor:
        """F(ratings) = −log Σ_h exp(−E) in nats, [cases], to be compared for the same items."""
        return torch.ops.torch_rbm.ratings_free_energy(
            crow,
            items,
            levels,
            self.weight,
            self.visible_bias,
            self.case_bias(crow, items),
            hidden_units=self.hidden_units,
        )

    @torch.jit.export
    def predict(
        self,
        crow: Tensor,
        items: Tensor,
        levels: Tensor,
        query_crow: Tensor,
        query_items: Tensor,
        known_crow: Tensor | None = None,
        known_items: Tensor | None = None,
    ) -> Tensor:
        """The exact p(level | the case's ratings) of the items that are asked for.

        Args:
            crow: int64 [cases + 1].
            items: int64 [ratings].
            levels: int64 [ratings].
            query_crow: int64 [cases + 1], of the items that are asked for.
            query_items: int64 [queries].
            known_crow: int64 [cases + 1], of the items that a conditional RBM knows of; those that
                are rated when None.
            known_items: int64.

        Returns:
            Probabilities [queries, levels].
        """
        return torch.ops.torch_rbm.ratings_predict(
            crow,
            items,
            levels,
            query_crow,
            query_items,
            self.weight,
            self.visible_bias,
            self.case_bias(
                crow if known_crow is None else known_crow,
                items if known_items is None else known_items,
            ),
            hidden_units=self.hidden_units,
        )

    @torch.jit.export
    def gibbs(
        self,
        crow: Tensor,
        items: Tensor,
        levels: Tensor,
        steps: int = 1,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Block Gibbs steps of the same items: levels [ratings], and hidden states."""
        return torch.ops.torch_rbm.ratings_gibbs(
            crow,
            items,
            levels,
            self.weight,
            self.visible_bias,
            self.case_bias(crow, items),
            steps,
            hidden_units=self.hidden_units,
            generator=generator,
        )

    @torch.jit.unused
    def extra_repr(self) -> str:
        """Return the sizes and options for ``repr``."""
        items, levels, hidden = self.weight.shape
        text = f"items={items}, levels={levels}, hidden={hidden}"
        if self.hidden_units != "bernoulli":
            text += f", hidden_units={self.hidden_units!r}"
        return text + (", conditional=True" if self.known_weight is not None else "")
