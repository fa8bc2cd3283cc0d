"""Recommendation from clicks and the like: what people chose, without ratings."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from torch_rbm.files import content_of, save_atomically
from torch_rbm.initialization import initialize
from torch_rbm.losses import ContrastiveDivergence
from torch_rbm.persistence import made
from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.recommenders.rater import Rater
from torch_rbm.ratings.recommenders.recommendation import Choice, titled, titles_by_name
from torch_rbm.ratings.tables.table import RatingTable
from torch_rbm.rbm import RBM
from torch_rbm.sparse import csr_tensor
from torch_rbm.training import fit
from torch_rbm.training.factories import adam
from torch_rbm.validation import check_count, words

KIND = "implicit recommender"
_default_optimizer = functools.partial(adam, lr=0.002)


class ImplicitRecommender(Rater):
    """Ranks items by p(chosen | all else that the user chose) of a Bernoulli RBM.

    Users are the cases of the RBM, and items its visible units. Of a table of ratings only counts
    who rated what.

    Make one by :meth:`fit`, or :meth:`load`.

    Attributes:
        rbm: the RBM of the items.
        titles: of items, by name.
    """

    def __init__(
        self,
        users: Iterable[Any],
        items: Iterable[Any],
        seen: Ratings,
        rbm: RBM,
        titles: Mapping[Any, str] | None = None,
    ) -> None:
        super().__init__(users, items, torch.ones(1, dtype=torch.float64), seen)
        self.rbm = rbm
        self.titles = titles_by_name(titles)

    @classmethod
    def fit(
        cls,
        table: RatingTable,
        *,
        hidden: int = 100,
        titles: Mapping[Any, str] | None = None,
        epochs: int = 50,
        batch_size: int = 20,
        weight_decay: float = 1e-3,
        optimizer: Any = _default_optimizer,
        loss: Any = ContrastiveDivergence,
        generator: torch.Generator | None = None,
        **training: Any,
    ) -> ImplicitRecommender:
        """Train a recommender on who chose what; memory grows with the choices, not all pairs.

        Args:
            table: the choices; see :meth:`RatingTable.from_arrays`.
            hidden: hidden units of the RBM.
            titles: of items, by name.
            epochs: passes over the users.
            batch_size: users of a batch.
            weight_decay: of the weights.
            optimizer: see :func:`torch_rbm.fit`.
            loss: likewise.
            generator: source of random numbers; the default generator when None.
            **training: other options of :func:`torch_rbm.fit`.

        Raises:
            TypeError, ValueError: an argument is not as described.
        """
        if not isinstance(table, RatingTable):
            raise TypeError(
                f"ImplicitRecommender.fit: expected a torch_rbm.RatingTable, got {words(table)}"
            )
        seen = table.by_user()
        chosen = csr_tensor(seen.crow, seen.items, torch.ones(len(seen.items)), len(table.items))
        rbm = RBM(len(table.items), hidden)
        initialize(rbm, chosen, generator=generator)
        fit(
            rbm,
            chosen,
            epochs=epochs,
            batch_size=batch_size,
            weight_decay=weight_decay,
            optimizer=optimizer,
            loss=loss,
            generator=generator,
            **training,
        )
        return cls(table.users, table.items, seen, rbm, titles)

    def __repr__(self) -> str:
        """Return what it knows of."""
        return (
            f"ImplicitRecommender({len(self.users)} users, {len(self.items)} items, "
            f"{len(self.seen.items)} choices)"
        )

    def expected(self, users: Tensor, items: Tensor) -> None:
        """None: choices have no ratings."""

    def scores(self, user: int) -> Tensor:
        """log p(chosen) − log p(not chosen) of every item for a user of the training."""
        return self._log_odds(self.rated_by(user))

    @torch.no_grad()
    def _log_odds(self, chosen: Tensor) -> Tensor:
        """Those of items that a user with these choices has not chosen, float64 [items]."""
        weight = self.rbm.weight
        field = (self.rbm.hidden_bias + weight[:, chosen].sum(1)).unsqueeze(1)
        # Free energies with the item less those without, all units summed out.
        change = nn.functional.softplus(field + weight) - nn.functional.softplus(field)
        return (self.rbm.visible_bias + change.sum(0)).double()

    def recommend(self, user: Any, n: int = 10) -> list[Choice]:
        """Return the items that a user is most likely to choose beside her choices.

        Args:
            user: the name of a user of the training, or the choices of a new one: names of items,
                of which there may be none.
            n: how many; fewer where there are no more.

        Raises:
            ValueError: there is no such user, or a choice is no item of the training.
        """
        n = check_count("ImplicitRecommender.recommend", "n", n, 0)
        if isinstance(user, (list, tuple, set, frozenset)):
            chosen = self.items.known_numbers(user)
        else:
            chosen = self.rated_by(self.users.number(user))
        odds = self._log_odds(chosen)
        odds[chosen] = -torch.inf
        best = torch.topk(odds, min(n, len(odds) - len(chosen)))
        return [
            Choice(self.items.values[item], titled(self.titles, self.items.values[item]), chance)
            for item, chance in zip(
                best.indices.tolist(), best.values.sigmoid().tolist(), strict=True
            )
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file, whole or not at all, for :meth:`load`."""
        save_atomically(
            {
                "kind": KIND,
                "model": self.rbm.description(),
                "users": self.users.values,
                "items": self.items.values,
                "titles": self.titles,
                "seen": list(self.seen),
                "parameters": self.rbm.state_dict(),
            },
            path,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ImplicitRecommender:
        """Read what :meth:`save` has written; nothing in the file is run as code."""
        with content_of("ImplicitRecommender.load", path, KIND) as content:
            return cls.from_content(content)

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> ImplicitRecommender:
        """Make a recommender of what :meth:`save` writes."""
        rbm = cast(RBM, made(content["model"]))
        rbm.load_state_dict(content["parameters"])
        seen = Ratings(*content["seen"])
        return cls(content["users"], content["items"], seen, rbm, content["titles"])
