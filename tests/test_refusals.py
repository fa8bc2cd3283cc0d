"""What Python functions refuse, and in which words; operators are in test_bad_input.py."""

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

import torch_rbm
from torch_rbm.cli.readers import read_table
from torch_rbm.data import Batches
from torch_rbm.deployment import to_package
from torch_rbm.ratings import (
    ImplicitRecommender,
    RatingsRBM,
    fit_ratings,
    k_fold,
    synthetic_ratings,
)

RBM = torch_rbm.RBM(4, 3)
ROWS = torch.zeros(2, 4)


class Pairs(Dataset):
    """Cases with words beside them."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.zeros(4), "word"


def classifier():
    return torch_rbm.ClassificationRBM(4, 3, classes=2)


def ratings():
    return synthetic_ratings(5, 4, 8)[0]


def unbounded():
    rbm = torch_rbm.RBM(2, 1, visible_units="gaussian", hidden_units="gaussian")
    torch.nn.init.constant_(rbm.weight, 2.0)
    return torch_rbm.pseudo_log_likelihood(rbm, torch.zeros(1, 2))


def steep():
    rbm = torch_rbm.RBM(1, 1, visible_units="gaussian")
    torch.nn.init.constant_(rbm.weight, 1e6)
    return torch_rbm.pseudo_log_likelihood(rbm, torch.zeros(1, 1))


CASES = [
    (lambda: classifier().joint(ROWS, [0, 1]), TypeError, "joint: expected labels to be a tensor"),
    (lambda: torch_rbm.HybridLoss(classifier())(ROWS), ValueError, r"joint of shape \[..., 6\]"),
    (
        lambda: list(Batches("fit", Pairs(), 2, ROWS, beside=True)),
        TypeError,
        "expected labels to be tensors, got",
    ),
    (lambda: to_package("model", ROWS, "a.pt2"), TypeError, "expected a torch.nn.Module"),
    (
        lambda: torch_rbm.kl_divergence(torch_rbm.RBM(4, 3, visible_units="gaussian"), ROWS),
        ValueError,
        "kl_divergence: expected discrete visible units",
    ),
    (
        lambda: torch_rbm.TrajectoryTempering(
            torch_rbm.RBM(4, 3, visible_units="gaussian", learn_precision=True)
        ),
        ValueError,
        "without learned precisions",
    ),
    (lambda: fit_ratings(RBM, ratings().by_user()), TypeError, "expected a torch_rbm.RatingsRBM"),
    (
        lambda: fit_ratings(RatingsRBM(4, 5, 2), ROWS),
        TypeError,
        "fit_ratings: expected ratings to be Ratings",
    ),
    (lambda: ImplicitRecommender.fit(ROWS), TypeError, "expected a torch_rbm.RatingTable"),
    (lambda: list(k_fold(ratings(), 9)), ValueError, "k_fold: expected at most 8 folds, got 9"),
    (lambda: synthetic_ratings(3, 3, 8), ValueError, "at most half of 9 pairs, got 8"),
    (
        lambda: torch_rbm.fit(RBM, ROWS, labels=torch.zeros(2, dtype=torch.int64)),
        TypeError,
        "expected labels only with a torch_rbm.ClassificationRBM, got RBM",
    ),
    (lambda: torch_rbm.SparsityTarget(1.0), ValueError, r"target in \(0, 1\), got 1.0"),
    (lambda: torch_rbm.SparsityTarget(cost=-1), ValueError, "cost >= 0, got -1"),
    (
        lambda: torch_rbm.SparsityTarget()(torch_rbm.RBM(4, 3, hidden_units="spin"), ROWS),
        ValueError,
        "expected bernoulli hidden units, got 'spin'",
    ),
    (lambda: torch_rbm.ContrastiveDivergence(RBM)([[0.0]]), TypeError, "to be a tensor, got list"),
    (
        lambda: torch_rbm.ContrastiveDivergence(RBM)(ROWS.to_sparse()),
        TypeError,
        r"data.to_sparse_csr\(\) makes one",
    ),
    (
        lambda: torch_rbm.ContrastiveDivergence(RBM)(ROWS, observed=torch.ones(3, 4).bool()),
        ValueError,
        r"broadcastable to data \[2, 4\], got \[3, 4\]",
    ),
    (
        lambda: torch_rbm.pseudo_log_likelihood(RBM, ROWS.to_sparse_csr()),
        TypeError,
        r"expected a dense visible, got .*to_dense\(\) makes one",
    ),
    (unbounded, ValueError, "conditional density that can be normalised"),
    (steep, ValueError, "weights small enough to integrate over visible unit 0"),
    (lambda: RBM.visible_layer()["labels"], KeyError, "one of the groups 'bernoulli'"),
]


# PyTorch says of its CSR tensors that they are in beta state.
@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_files_with_other_things(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"\[cases, ...\] was expected, got \[3\]"):
        read_table(tmp_path / "one.npy")
    with pytest.raises(ValueError, match="one array was expected, there are a, b"):
        read_table(tmp_path / "two.npz")


def test_a_loss_without_steps_takes_no_schedule():
    class Without(torch.nn.Module):
        def __init__(self, rbm):
            super().__init__()
            self.rbm = rbm

    with pytest.raises(ValueError, match="expected a loss with steps, as they are given"):
        fit_ratings(RatingsRBM(4, 5, 2), ratings().by_user(), loss=Without, steps={0: 1, 2: 3})
