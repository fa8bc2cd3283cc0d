"""Learning from rows with missing values, and filling them in: three ways, and scikit-learn's.

    python benchmarks/missing.py

Scikit-learn's digits, 64 pixels of 0 and 1, three quarters for training; of every picture a share
of the pixels is missing, wherever chance has it. Prints the exact log-likelihood of whole held-out
pictures, in nats, and the root of the mean squared error of the missing pixels of these.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from sklearn.datasets import load_digits
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.model_selection import train_test_split
from torch import Tensor

import torch_rbm

HIDDEN = 15
EPOCHS = 80
BATCH = 20
WAYS = ("nothing missing", "a mask", "filled in, 1 step", "filled in, 5 steps")


def with_holes(pictures: Tensor, share: float) -> Tensor:
    return torch.where(torch.rand_like(pictures) < share, torch.nan, pictures)


def trained(way: str, whole: Tensor, holes: Tensor) -> torch_rbm.RBM:
    torch.manual_seed(1)
    rbm = torch_rbm.RBM(whole.shape[1], HIDDEN)
    observed = ~holes.isnan()
    torch_rbm.initialize(rbm, holes, observed=observed)
    fit = partial(torch_rbm.fit, rbm, epochs=EPOCHS, batch_size=BATCH, progress=False)
    if way == "nothing missing":
        fit(whole)
    elif way == "a mask":
        loss = partial(torch_rbm.ContrastiveDivergence, centered=True)
        fit(holes, observed=observed, loss=loss)
    else:
        steps = int(way.split()[-2])
        fit(holes, transform=partial(torch_rbm.fill_in, rbm, sample=True, steps=steps))
    return rbm


def compare(train: Tensor, test: Tensor, share: float) -> None:
    print(f"{share:.0%} of the pixels missing")
    holes, test_holes = with_holes(train, share), with_holes(test, share)
    missing = test_holes.isnan()

    def error(filled: Tensor) -> float:
        return (filled - test)[missing].square().mean().sqrt().item()

    for way in WAYS:
        rbm = trained(way, train, holes)
        likelihood = torch_rbm.log_likelihood(rbm, test).value
        print(f"  {way:20} {likelihood:8.2f} {error(torch_rbm.fill_in(rbm, test_holes)):8.4f}")
    for imputer in (KNNImputer(), IterativeImputer(min_value=0, max_value=1, random_state=0)):
        imputer.fit(holes.numpy())
        filled = torch.from_numpy(imputer.transform(test_holes.numpy())).float()
        print(f"  {type(imputer).__name__:20} {'':8} {error(filled):8.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.4])
    options = parser.parse_args()
    pictures = (torch.tensor(load_digits().data) > 8).float()
    train, test = train_test_split(pictures, test_size=0.25, random_state=0)
    for share in options.shares:
        torch.manual_seed(0)
        compare(train, test, share)


if __name__ == "__main__":
    main()
