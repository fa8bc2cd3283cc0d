"""Small models with exact likelihoods: bars and stripes, and clusters that chains do not leave.

    python benchmarks/small.py [--figure bars | clusters]

Prints a line of JSON for each figure, and appends it to --output.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from reporting import report
from torch import Tensor

import torch_rbm


@dataclass(frozen=True)
class Setting:
    """A loss for bars and stripes, its updates and its first learning rate."""

    loss: Callable[..., torch.nn.Module]
    updates: int
    rate: float


PCD = partial(torch_rbm.PersistentContrastiveDivergence, chains=500, centered=True)
TEMPERING = partial(torch_rbm.ParallelTempering, chains=100, centered=True)
# Between bars and stripes chains have to go by way of pictures that are neither: with one step at a
# time PCD ends 8 % below the optimum after 6000 updates, and gets worse with more.
SETTINGS = {
    "exact": Setting(partial(torch_rbm.ExactLikelihood, centered=True), 3000, 1.0),
    "PCD-25": Setting(partial(PCD, steps=25), 6000, 0.3),
    "tempering": Setting(TEMPERING, 6000, 0.2),
}


def bars_and_stripes(side: int) -> Tensor:
    """Every picture of full columns or full rows once, [2 · 2^side - 2, side²]."""
    lines = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * side)
    rows = lines[:, :, None].expand(-1, side, side)
    return torch.cat([rows, rows[1:-1].mT]).reshape(-1, side * side)


def bars(output: Path, seeds: int) -> None:
    """4 × 4 bars and stripes, 16 hidden units, full batches: mean and worst of the seeds."""
    data = bars_and_stripes(4)
    optimum = -math.log(len(data))
    for name, setting in SETTINGS.items():
        started = time.perf_counter()
        reached = []
        for seed in range(seeds):
            torch.manual_seed(seed)
            rbm = torch_rbm.RBM(16, 16)
            torch_rbm.fit(
                rbm,
                data,
                epochs=setting.updates,
                batch_size=len(data),
                loss=setting.loss,
                optimizer=partial(torch.optim.SGD, lr=setting.rate),
                progress=False,
            )
            reached.append(torch_rbm.log_likelihood(rbm, data, method="exact").value)
        report(
            output,
            figure="bars and stripes 4x4",
            loss=name,
            optimum=optimum,
            mean=statistics.mean(reached),
            worst=min(reached),
            mean_percent=100 * (statistics.mean(reached) / optimum - 1),
            worst_percent=100 * (min(reached) / optimum - 1),
            seconds_per_run=(time.perf_counter() - started) / seeds,
        )


def clusters(seed: int) -> tuple[Tensor, Tensor, Tensor, float]:
    """Training and test cases around four far prototypes, the prototypes, and the true likelihood.

    A case is one of four random patterns of 64 pixels, of unequal weight, with 3 % of pixels
    flipped. Between two patterns lie some 32 pixels: a chain would have to flip them one by one,
    through states that the data never show.
    """
    generator = torch.Generator().manual_seed(seed)
    prototypes = (torch.rand(4, 64, generator=generator) < 0.5).float()
    weights, flip = torch.tensor([0.4, 0.3, 0.2, 0.1]), 0.03

    def cases(count: int) -> Tensor:
        which = torch.multinomial(weights, count, replacement=True, generator=generator)
        flips = torch.rand(count, 64, generator=generator) < flip
        return (prototypes[which] - flips.float()).abs()

    train, test = cases(4000), cases(4000)
    distance = (test[:, None] - prototypes).abs().sum(2)
    log_p = weights.log() + distance * math.log(flip) + (64 - distance) * math.log(1 - flip)
    return train, test, prototypes, log_p.logsumexp(1).mean().item()


def nearest(states: Tensor, prototypes: Tensor) -> Tensor:
    """The number of the prototype that each state is nearest to."""
    return (states[:, None] - prototypes).abs().sum(2).argmin(1)


def stuck(output: Path, seeds: int) -> None:
    """PCD, fast weights and tempering on clusters; whether their chains go from one to another."""
    losses = {
        "CD": partial(torch_rbm.ContrastiveDivergence, centered=True),
        "PCD": PCD,
        "FPCD": partial(torch_rbm.FastPersistentContrastiveDivergence, chains=500, centered=True),
        "tempering": TEMPERING,
        "trajectory": partial(torch_rbm.TrajectoryTempering, chains=500, centered=True),
    }
    for name, loss in losses.items():
        started = time.perf_counter()
        gaps, weights, moved = [], [], []
        last: torch.nn.Module | None = None
        for seed in range(seeds):
            train, test, prototypes, optimum = clusters(seed)
            torch.manual_seed(seed)
            rbm = torch_rbm.RBM(64, 10)
            torch_rbm.initialize(rbm, train)

            last = loss(rbm)
            torch_rbm.fit(rbm, train, epochs=150, loss=partial(_given, last), progress=False)
            gaps.append(optimum - torch_rbm.log_likelihood(rbm, test, method="exact").value)
            # Exact samples of the model, by way of the enumerated hidden states, tell the weights
            # of its clusters; Gibbs steps from them, whether a chain leaves its cluster.
            states = exact_samples(rbm, 4000)
            share = torch.bincount(nearest(states, prototypes), minlength=4) / len(states)
            weights.append((share - torch.tensor([0.4, 0.3, 0.2, 0.1])).abs().sum().item() / 2)
            after, _ = rbm.gibbs(states[:500], 10_000)
            before = nearest(states[:500], prototypes)
            moved.append((nearest(after, prototypes) != before).float().mean().item())
        extra = {}
        if isinstance(last, torch_rbm.ParallelTempering):
            extra = {
                "temperatures": len(last.betas),
                "lowest_rate": last.rates().min().item(),
                "round_trips": int(last.round_trips),
            }
        report(
            output,
            figure="clusters",
            loss=name,
            nats_below_the_truth=statistics.mean(gaps),
            worst=max(gaps),
            wrong_cluster_weight=statistics.mean(weights),
            chains_that_change_cluster_in_10000_steps=statistics.mean(moved),
            seconds_per_run=(time.perf_counter() - started) / seeds,
            **extra,
        )


def _given(loss: torch.nn.Module, rbm: torch_rbm.RBM) -> torch.nn.Module:
    """A loss that was made before, to be looked at after the training."""
    return loss


@torch.no_grad()
def exact_samples(rbm: torch_rbm.RBM, count: int) -> Tensor:
    """Samples of p(v) by way of p(h), whose states are enumerated."""
    hidden = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * len(rbm.hidden_bias))
    log_p = hidden @ rbm.hidden_bias + torch.nn.functional.softplus(
        rbm.visible_bias + hidden @ rbm.weight
    ).sum(1)
    which = torch.multinomial(torch.softmax(log_p.double(), 0), count, replacement=True)
    return rbm.sample_visible(hidden[which])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--figure", choices=("bars", "clusters"), help="both if not given")
    parser.add_argument("--output", type=Path, default=Path("small.json"))
    options = parser.parse_args()
    if options.figure != "clusters":
        bars(options.output, options.seeds)
    if options.figure != "bars":
        stuck(options.output, max(options.seeds // 3, 1))


if __name__ == "__main__":
    main()
