"""The recommender as a regressor of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

import torch_rbm
from torch_rbm.ratings.recommenders.recommendation import Recommendation
from torch_rbm.sklearn.conversion import Array, seeded


class RatingsRecommender(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the ratings of pairs of a user and an item; see :class:`torch_rbm.Recommender`.

    A case is such a pair: the data have two columns, names of users and names of items, and the
    targets are the ratings.

    Args:
        n_components: number of hidden units.
        orientation: what the cases of the RBM are: "items", "users", or "both".
        hidden_units: what the hidden units are.
        prior: precision of a normal prior of the weights.
        penalty: of the regressions that make ratings of features; chosen by held-out ratings when
            None.
        n_iter: passes over the ratings.
        verbose: show progress bars.
        random_state: seed or source of random numbers.

    Attributes:
        recommender_: the trained :class:`torch_rbm.Recommender`.
        n_features_in_: 2.
        feature_names_in_: the names of the columns, where they have some.
    """

    recommender_: torch_rbm.Recommender

    def __init__(
        self,
        n_components: int = 100,
        *,
        orientation: str = "items",
        hidden_units: str = "bernoulli",
        prior: float = 3.0,
        penalty: float | None = None,
        n_iter: int = 40,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.orientation = orientation
        self.hidden_units = hidden_units
        self.prior = prior
        self.penalty = penalty
        self.n_iter = n_iter
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> RatingsRecommender:
        """Train on pairs, [n_samples, 2], and their ratings, [n_samples].

        Raises:
            TypeError, ValueError: the data have other columns, a pair comes twice, or a parameter
                is not as described.
        """
        X, y = validate_data(self, X, y, dtype=None, y_numeric=True)
        if X.shape[1] != 2:
            raise ValueError(
                "RatingsRecommender: expected 2 columns, users and items, got "
                f"{X.shape[1]} feature(s)"
            )
        table = torch_rbm.RatingTable.from_arrays(X[:, 0], X[:, 1], y)
        with seeded(check_random_state(self.random_state)):
            self.recommender_ = torch_rbm.Recommender.fit(
                table,
                orientation=self.orientation,
                hidden=self.n_components,
                hidden_units=self.hidden_units,
                prior=self.prior,
                penalty=self.penalty,
                epochs=self.n_iter,
                progress=bool(self.verbose),
            )
        return self

    def predict(self, X: Any) -> Array:
        """Return the expected rating of each pair, [n_samples].

        Users and items that training did not have get the prediction for one of which nothing is
        known.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=None, reset=False)
        users = self.recommender_.users.numbers(X[:, 0].tolist())
        items = self.recommender_.items.numbers(X[:, 1].tolist())
        with torch.no_grad():
            return self.recommender_.expected(users, items).numpy()

    def recommend(self, user: Any, n: int = 10) -> list[Recommendation]:
        """Return the best items for a user; see :meth:`torch_rbm.Recommender.recommend`."""
        check_is_fitted(self)
        return self.recommender_.recommend(user, n)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.input_tags.string = True
        return tags
