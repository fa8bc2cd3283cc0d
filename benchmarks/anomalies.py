"""What the free energy finds unusual, and what not: RBMs of MNIST that have never seen a 9.

    TORCH_RBM_DATA=... python benchmarks/anomalies.py   # two minutes

Prints areas under the ROC curve: how often a strange picture gets a higher score than a test
picture of the digits 0 to 8. Scores are the free energy; minus the pseudo-log-likelihood; and how
unsure an RBM that was trained with labels is of the class.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from cases import mnist_digits, mnist_pictures
from reporting import report
from sklearn.metrics import roc_auc_score
from torch import Tensor

import torch_rbm

UNKNOWN = 9
SIDE = 28

Score = Callable[[Tensor], Tensor]


def binary_digits(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Binary pictures of known digits, these digits, and pictures of the unknown one."""
    pictures, digits = torch.bernoulli(mnist_pictures(name)), mnist_digits(name)
    known = digits != UNKNOWN
    return pictures[known], digits[known], pictures[~known]


def strange_pictures(usual: Tensor) -> dict[str, Tensor]:
    """What can be made of usual pictures, [cases, pixels], by name."""
    pictures = usual.view(-1, SIDE, SIDE)
    return {
        "upside down": pictures.flip(1).flatten(1),
        "turned by 90 degrees": pictures.rot90(1, (1, 2)).flatten(1),
        "0 and 1 exchanged": 1 - usual,
        "pixels shuffled": usual[:, torch.randperm(SIDE * SIDE)],
        "noise with as much ink": (torch.rand_like(usual) < usual.mean()).float(),
        "half of the ink gone": usual * (torch.rand_like(usual) < 0.5),
        "empty": torch.zeros_like(usual[:1]),
    }


def density_scores(data: Tensor, hidden: int, epochs: int) -> dict[str, Score]:
    """Scores by an RBM of the pictures."""
    rbm = torch_rbm.RBM(SIDE * SIDE, hidden)
    torch_rbm.initialize(rbm, data)
    torch_rbm.fit(rbm, data, epochs=epochs)
    return {
        "free energy": rbm.free_energy,
        "pseudo-likelihood": lambda cases: -torch_rbm.pseudo_log_likelihood(rbm, cases),
    }


def class_score(data: Tensor, digits: Tensor, hidden: int, epochs: int) -> Score:
    """The score by an RBM of the pictures with their labels: 1 minus the largest p(label)."""
    rbm = torch_rbm.ClassificationRBM(SIDE * SIDE, hidden, UNKNOWN)
    states = rbm.joint(data, digits)
    torch_rbm.initialize(rbm, states)
    torch_rbm.fit(
        rbm,
        states,
        loss=partial(torch_rbm.HybridLoss, generative_weight=0.01),
        optimizer=partial(torch.optim.Adam, lr=1e-3),
        epochs=epochs,
    )
    return lambda cases: 1 - rbm(cases).exp().amax(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path("anomalies.json"))
    options = parser.parse_args()

    torch.manual_seed(0)
    data, digits, _ = binary_digits("train")
    usual, _, unknown = binary_digits("t10k")
    strange = {"another digit": unknown, **strange_pictures(usual)}
    size = options.hidden, options.epochs
    scores = density_scores(data, *size) | {"class": class_score(data, digits, *size)}
    with torch.no_grad():
        for kind, cases in strange.items():
            is_strange = torch.arange(len(usual) + len(cases)) >= len(usual)
            both = torch.cat([usual, cases])
            areas = {
                name: float(roc_auc_score(is_strange, torch.cat([*map(score, both.split(1000))])))
                for name, score in scores.items()
            }
            report(options.output, kind=kind, **areas)


if __name__ == "__main__":
    main()
