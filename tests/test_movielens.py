"""Real ratings: MovieLens latest-small, where TORCH_RBM_DATA holds it."""

import os
from pathlib import Path

import pytest
import torch

from torch_rbm.ratings import RatingTable, Recommender, UserItemBiases, evaluate, k_fold

DATA = Path(os.environ.get("TORCH_RBM_DATA", "")) / "movielens-latest-small" / "ratings.csv"


@pytest.mark.skipif(not DATA.is_file(), reason="set TORCH_RBM_DATA to a folder with MovieLens")
def test_the_first_of_five_folds():
    """At least two per cent below the biases of users and items, and at most 0.865."""
    train, test = next(
        iter(k_fold(RatingTable.read_csv(DATA), 5, torch.Generator().manual_seed(0)))
    )
    recommender = Recommender.fit(
        train, penalty=3.0, generator=torch.Generator().manual_seed(0), progress=False
    )
    scores = evaluate(recommender, test)
    assert scores.rmse <= 0.865
    assert scores.rmse < 0.98 * evaluate(UserItemBiases(train), test).rmse
    assert scores.calibration_error < 0.02
