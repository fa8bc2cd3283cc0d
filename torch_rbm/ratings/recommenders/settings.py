"""Settings of a recommender by ratings that it was not trained on."""

from __future__ import annotations

import torch

from torch_rbm.ratings.evaluation.measures import root_mean_squared_error
from torch_rbm.ratings.recommenders.predictor import Predictor
from torch_rbm.ratings.tables.table import RatingTable

_PENALTIES = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0, 80.0)
_SHARES = 11
_PAIRS = 10_000


@torch.no_grad()
def choose(
    predictor: Predictor, validation: RatingTable, penalty: float | None, user_share: float | None
) -> tuple[float, float]:
    """Return the penalty and the share of the users' model with the least error.

    Args:
        predictor: with trained RBMs; its regressions are found anew.
        validation: other ratings than those that it was trained on.
        penalty: where it is given.
        user_share: likewise.
    """
    penalties = _PENALTIES if penalty is None else (penalty,)
    shares = torch.linspace(0, 1, _SHARES).tolist() if user_share is None else [user_share]
    both = predictor.by_item is not None and predictor.by_user is not None
    if not both:
        shares = [0.0]
    # Not of more pairs than it takes: the regressions of all their users take their time.
    chosen = torch.randperm(len(validation.user), generator=torch.Generator().manual_seed(0))
    validation = validation.subset(chosen[:_PAIRS])
    users, items = torch.unique(validation.user), torch.unique(validation.item)
    values = validation.values()
    best = (float("inf"), penalties[0], shares[0])
    for candidate in penalties:
        predictor.read_out(candidate, users=users, items=items)
        parts = predictor.pairs_by_model(validation.user, validation.item)
        ends = [probabilities @ predictor.scale for probabilities in parts]
        for share in shares:
            expected = torch.lerp(ends[0], ends[-1], share)
            error = root_mean_squared_error(expected, values)
            best = min(best, (error, candidate, share))
    return best[1], best[2]
