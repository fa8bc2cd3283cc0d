"""A recommender that is trained on a table of ratings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from torch_rbm.files import content_of, save_atomically, save_scripted
from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.recommenders.case_model import CaseModel
from torch_rbm.ratings.recommenders.predictor import NamedPredictor, Predictor
from torch_rbm.ratings.recommenders.rater import Rater
from torch_rbm.ratings.recommenders.recommendation import (
    Prediction,
    Recommendation,
    titled,
    titles_by_name,
)
from torch_rbm.ratings.recommenders.settings import choose
from torch_rbm.ratings.tables.levels import levels_on
from torch_rbm.ratings.tables.splits import random_split
from torch_rbm.ratings.tables.table import RatingTable
from torch_rbm.validation import check_count, words

KIND = "recommender"
_ORIENTATIONS = ("items", "users", "both")


class Recommender(Rater):
    """Predicts ratings by RBMs of ratings (Salakhutdinov, Mnih and Hinton 2007).

    The RBM can have items as cases and users as visible units, or the other way about; features of
    the cases are turned into ratings by a regression for each unit (:class:`CaseModel`). With items
    as cases a new user gets such a regression from her ratings; with users as cases she gets
    features. Nothing is trained again.

    Make one by :meth:`fit`, or :meth:`load`.

    Attributes:
        users: names and numbers of the users.
        items: those of the items.
        scale: the ratings that there are, float64 [levels].
        predictor: what computes, by numbers; TorchScript can have it.
        titles: of items, by name.
    """

    def __init__(
        self,
        users: Iterable[Any],
        items: Iterable[Any],
        predictor: Predictor,
        titles: Mapping[str, str] | None = None,
    ) -> None:
        seen = Ratings(predictor.seen_crow, predictor.seen_items, predictor.seen_levels)
        super().__init__(users, items, predictor.scale, seen)
        self.predictor = predictor
        self.titles = titles_by_name(titles)

    @classmethod
    def fit(
        cls,
        table: RatingTable,
        *,
        orientation: str = "items",
        hidden: int = 100,
        hidden_units: str = "bernoulli",
        prior: float = 3.0,
        penalty: float | None = None,
        user_share: float | None = None,
        validation: float = 0.1,
        titles: Mapping[Any, str] | None = None,
        generator: torch.Generator | None = None,
        progress: bool = True,
        **training: Any,
    ) -> Recommender:
        """Train a recommender.

        Args:
            table: the training ratings.
            orientation: what the cases of the RBM are: "items", which is better on ratings of
                films, "users", or "both" for the mean of two.
            hidden: hidden units of each RBM.
            hidden_units: what they are.
            prior: precision of a normal prior of the weights: the weight decay of the training is
                ``prior`` divided by the number of cases.
            penalty: of the regressions; chosen by ``validation`` when None.
            user_share: weight of the model with users as cases, with "both"; likewise.
            validation: share of the ratings that is left out at first, to choose by; after that all
                are trained on.
            titles: of items, by name.
            generator: source of random numbers; the default generator when None.
            progress: show progress bars.
            **training: options of :func:`torch_rbm.fit_ratings`, such as ``epochs``; a batch has
                a fortieth of the cases, from 20 to 200, if not given.

        Raises:
            TypeError, ValueError: an argument is not as described.
        """
        where = "Recommender.fit"
        if not isinstance(table, RatingTable):
            raise TypeError(f"{where}: expected a torch_rbm.RatingTable, got {words(table)}")
        if len(table.scale) < 2:
            raise ValueError(
                f"{where}: expected ratings of two levels or more, got choices, which are for "
                "torch_rbm.ImplicitRecommender"
            )
        if orientation not in _ORIENTATIONS:
            raise ValueError(
                f"{where}: expected orientation to be one of {_ORIENTATIONS}, got {orientation!r}"
            )
        if not prior >= 0:
            raise ValueError(f"{where}: expected prior >= 0, got {prior}")
        if penalty is not None and not penalty > 0:
            raise ValueError(f"{where}: expected penalty > 0, got {penalty}")
        if user_share is not None and not 0 <= user_share <= 1:
            raise ValueError(f"{where}: expected user_share in [0, 1], got {user_share}")

        options = {
            "orientation": orientation,
            "hidden": hidden,
            "hidden_units": hidden_units,
            "prior": prior,
            "generator": generator,
            "progress": progress,
            **training,
        }
        if penalty is None or (user_share is None and orientation == "both"):
            part, rest = random_split(table, validation, generator)
            predictor = _trained(part, description="to choose settings", **options)
            penalty, user_share = choose(predictor, rest, penalty, user_share)
        predictor = _trained(table, description="training", **options)
        predictor.read_out(penalty, user_share or 0.0)
        return cls(table.users, table.items, predictor, titles)

    def __repr__(self) -> str:
        """Return what it knows of."""
        return (
            f"Recommender({len(self.users)} users, {len(self.items)} items, "
            f"{len(self.seen.items)} ratings, orientation={self.orientation!r})"
        )

    @property
    def orientation(self) -> str:
        """What the cases are: "items", "users" or "both"."""
        if self.predictor.by_user is None:
            return "items"
        return "users" if self.predictor.by_item is None else "both"

    def predict(self, user: Any, items: Iterable[Any]) -> Prediction:
        """Predict ratings of items by a user.

        Args:
            user: the name of a user of the training, or the ratings of someone new, a dict from
                names of items of the training to ratings, which may be empty.
            items: names of items; one that training did not have gets the prediction for an item of
                which nothing is known.

        Raises:
            ValueError: there is no such user, a rated item is none of the training's, or a rating
                none of the scale.
        """
        names = list(items)
        with torch.no_grad():
            probabilities = self.predictor.probabilities(
                self._profile(user), self.items.numbers(names)
            )
        return Prediction(names, self.scale, probabilities)

    def recommend(self, user: Any, n: int = 10, *, least: int = 5) -> list[Recommendation]:
        """Return the items with the highest expected ratings that a user has not rated.

        Args:
            user: as for :meth:`predict`.
            n: how many; fewer where there are no more.
            least: leave out items that fewer have rated in training, of which little is known.

        Raises:
            ValueError: as for :meth:`predict`.
        """
        n = check_count("Recommender.recommend", "n", n, 0)
        with torch.no_grad():
            profile = self._profile(user)
            best, _ = self.predictor.recommend(profile, self._seen(user), n, least)
        prediction = Prediction(
            [self.items.values[number] for number in best.tolist()],
            self.scale,
            self.predictor.probabilities(profile, best).detach(),
        )
        return [
            Recommendation(item, titled(self.titles, item), rating, std)
            for item, rating, std in zip(
                prediction.items, prediction.mean.tolist(), prediction.std.tolist(), strict=True
            )
        ]

    def _profile(self, user: Any) -> tuple[Tensor, Tensor]:
        if not isinstance(user, Mapping):
            return self.predictor.known_profile(self.users.number(user))
        return self.predictor.new_profile(self.items.known_numbers(user), self._levels(user))

    def _levels(self, ratings: Mapping[Any, Any]) -> Tensor:
        try:
            values = torch.tensor([float(value) for value in ratings.values()]).double()
        except (TypeError, ValueError) as error:
            raise ValueError(f"expected ratings to be numbers, {error}") from None
        items = list(ratings)
        return levels_on("Recommender", self.scale, values, lambda row: f"of item {items[row]}")

    def _seen(self, user: Any) -> Tensor:
        if not isinstance(user, Mapping):
            return self.rated_by(self.users.number(user))
        return self.items.known_numbers(user)

    def expected(self, users: Tensor, items: Tensor) -> Tensor:
        """Expected ratings of pairs; see :class:`Rater`."""
        return self.probabilities(users, items) @ self.scale

    def probabilities(self, users: Tensor, items: Tensor) -> Tensor:
        """p(level) of pairs; see :class:`Rater`."""
        return self.predictor.pairs(users, items)

    @torch.no_grad()
    def scores(self, user: int) -> Tensor:
        """Expected ratings of all items by a user of the training."""
        every = torch.arange(len(self.items))
        return self.predictor.probabilities(self.predictor.known_profile(user), every) @ self.scale

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file, whole or not at all, for :meth:`load`."""
        models = {
            name: None if model is None else model.description()
            for name, model in self._models().items()
        }
        save_atomically(
            {
                "kind": KIND,
                "models": models,
                "user_share": self.predictor.user_share,
                "users": self.users.values,
                "items": self.items.values,
                "titles": self.titles,
                "parameters": self.predictor.state_dict(),
            },
            path,
        )

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write a :class:`NamedPredictor` as TorchScript, to be run without Python."""
        named = NamedPredictor(
            self.predictor,
            [str(user) for user in self.users.values],
            [str(item) for item in self.items.values],
            [titled(self.titles, item) for item in self.items.values],
        )
        save_scripted(named, path)

    def _models(self) -> dict[str, CaseModel | None]:
        return {"by_item": self.predictor.by_item, "by_user": self.predictor.by_user}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recommender:
        """Read what :meth:`save` has written; nothing in the file is run as code."""
        with content_of("Recommender.load", path, KIND) as content:
            return cls.from_content(content)

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Recommender:
        """Make a recommender of what :meth:`save` writes."""
        models = {
            name: None if options is None else CaseModel(**options)
            for name, options in content["models"].items()
        }
        parameters = content["parameters"]
        seen = Ratings(*(parameters[f"seen_{name}"] for name in Ratings._fields))
        predictor = Predictor(
            by_item=models["by_item"],
            by_user=models["by_user"],
            scale=parameters["scale"],
            seen=seen,
            items=len(content["items"]),
            user_share=content["user_share"],
        )
        predictor.load_state_dict(parameters)
        return cls(content["users"], content["items"], predictor, content["titles"])


def _trained(
    table: RatingTable,
    *,
    orientation: str,
    hidden: int,
    hidden_units: str,
    prior: float,
    description: str,
    generator: torch.Generator | None,
    progress: bool,
    **training: Any,
) -> Predictor:
    """A predictor with trained RBMs and no regressions yet; see :meth:`Recommender.fit`."""
    models: dict[str, CaseModel | None] = {"by_item": None, "by_user": None}
    for side in ("item", "user"):
        if orientation not in (f"{side}s", "both"):
            continue
        ratings = table.by_item() if side == "item" else table.by_user()
        units = len(table.users) if side == "item" else len(table.items)
        model = CaseModel(ratings.size, units, len(table.scale), hidden, hidden_units=hidden_units)
        model.rbm.reset_parameters(generator)
        options = {
            "batch_size": min(max(ratings.size // 40, 20), 200),
            "weight_decay": prior / ratings.size,
            "description": f"{description}, {side}s as cases",
            **training,
        }
        model.fit(ratings, **options, generator=generator, progress=progress)
        models[f"by_{side}"] = model
    return Predictor(
        models["by_item"],
        models["by_user"],
        scale=table.scale,
        seen=table.by_user(),
        items=len(table.items),
    )
