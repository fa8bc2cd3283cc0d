"""Recommenders of either kind from files."""

from __future__ import annotations

import os

from torch_rbm.files import content_of
from torch_rbm.ratings.recommenders import implicit, recommender
from torch_rbm.ratings.recommenders.implicit import ImplicitRecommender
from torch_rbm.ratings.recommenders.recommender import Recommender


def load_recommender(path: str | os.PathLike[str]) -> Recommender | ImplicitRecommender:
    """Read what a recommender's ``save`` has written, of ratings or of choices.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no recommender.
    """
    with content_of("load_recommender", path, recommender.KIND, implicit.KIND) as content:
        kind = Recommender if content["kind"] == recommender.KIND else ImplicitRecommender
        return kind.from_content(content)
