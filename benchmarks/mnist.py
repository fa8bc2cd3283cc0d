"""Trains an RBM on MNIST and reports the test log-likelihood, both directions of AIS.

    TORCH_RBM_DATA=... python benchmarks/mnist.py   # 500 hidden units, 16 minutes
    TORCH_RBM_DATA=... python benchmarks/mnist.py --hidden 16 --epochs 50 --rate 0.1   # exact
    TORCH_RBM_DATA=... python benchmarks/mnist.py @benchmarks/mnist_hour.txt   # the best, an hour

Training pixels are drawn anew from the grey values in every pass; those of the test pictures were
drawn once, by a fixed seed. Prints a line of JSON, and appends it to --output.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from cases import mnist_pictures
from deformation import deformed
from reporting import peak_memory_gb, report
from torch import Tensor

import torch_rbm

_STEPS_OF_NEW_CHAINS = 1000


def binary_test_pictures() -> Tensor:
    """Test pictures whose pixels were drawn once, with seed 0, [10000, 784]."""
    pictures = mnist_pictures("t10k")
    return (
        torch.rand(pictures.shape, generator=torch.Generator().manual_seed(0)) < pictures
    ).float()


@dataclass(frozen=True)
class Pictures:
    """How a part of the training deforms its pictures."""

    linear: float
    bend: float
    true: float  # the share of them that are not deformed

    @property
    def all_true(self) -> bool:
        return self.true == 1 or self.linear == self.bend == 0


@dataclass(frozen=True)
class Updates:
    """What the updates of a part of the training are."""

    rate: float  # where the schedule of the whole training is highest
    batch: int
    chains: int
    weight_decay: float


@dataclass(frozen=True)
class Phase:
    """A part of the training, from a share of its updates to another."""

    pictures: Pictures
    updates: Updates
    passes: int
    start: float
    end: float


def phases_of(options: argparse.Namespace) -> list[Phase]:
    """Pictures that are much deformed first, if there shall be any, and at last less or not."""
    pictures = Pictures(options.deform, options.bend, 0.0)
    last_pictures = Pictures(options.last_deform, options.last_bend, options.last_true)
    updates = Updates(options.rate, options.batch, options.chains, options.weight_decay)
    given = {
        "rate": options.rate * options.last_rate,
        "batch": options.last_batch,
        "chains": options.last_chains,
        "weight_decay": options.last_weight_decay,
    }
    last_updates = replace(updates, **{k: v for k, v in given.items() if v is not None})
    alike = pictures.all_true and last_pictures.all_true and updates == last_updates
    copies, last_copies = (1 if p.all_true else options.copies for p in (pictures, last_pictures))
    passes = round(options.epochs * (1 if alike else options.share) / copies)
    last_passes = round((options.epochs - passes * copies) / last_copies)
    before = passes * copies / updates.batch
    border = before / (before + last_passes * last_copies / last_updates.batch)
    phases = [
        Phase(pictures, updates, passes, 0.0, border),
        Phase(last_pictures, last_updates, last_passes, border, 1.0),
    ]
    return [phase for phase in phases if phase.passes > 0]


def cases_of(
    pictures: Pictures, train: Tensor, copies: int, generator: torch.Generator
) -> tuple[Tensor, Callable[[Tensor], Tensor] | None]:
    """The cases of a phase, and what makes grey values in [0, 1] of them."""
    if pictures.all_true:
        return train, None
    true = round(pictures.true * copies)
    cases = deformed(train, pictures.linear, pictures.bend, copies - true, generator)
    if true > 0:  # a copy of many pictures, which there is no need for otherwise
        grey = train.mul(255).round().to(cases.dtype)
        cases = torch.cat([cases, grey.repeat(true, 1)])
    return cases, partial(torch.div, other=255)


@torch.no_grad()
def set_chains(loss: torch_rbm.PersistentContrastiveDivergence, chains: int) -> None:
    """Have so many chains: new ones are copies of the old ones, which then part."""
    if chains == len(loss.chain):
        return
    rbm = loss.rbm
    copies = loss.chain[torch.arange(chains) % len(loss.chain)]
    loss.chain, _ = torch_rbm.ops.gibbs(
        copies, rbm.weight, rbm.visible_bias, rbm.hidden_bias, _STEPS_OF_NEW_CHAINS
    )


def fit(
    rbm: torch_rbm.RBM,
    loss: torch_rbm.PersistentContrastiveDivergence,
    train: Tensor,
    options: argparse.Namespace,
) -> tuple[int, float, float]:
    """Train in phases; return updates, passes over as many pictures as there are, and seconds."""
    updates, epochs, seconds = 0, 0.0, 0.0
    generator = torch.Generator().manual_seed(options.seed)
    phases = phases_of(options)
    for number, phase in enumerate(phases, 1):
        cases, transform = cases_of(phase.pictures, train, options.copies, generator)
        set_chains(loss, phase.updates.chains)
        average = min(options.average / (phase.end - phase.start), 1)
        history = torch_rbm.fit(
            rbm,
            cases,
            epochs=phase.passes,
            batch_size=phase.updates.batch,
            loss=lambda _: loss,
            optimizer=partial(torch.optim.SGD, lr=phase.updates.rate),
            scheduler=partial(
                torch_rbm.linear_decay,
                hold=options.hold,
                warm_up=options.warm_up,
                part=(phase.start, phase.end),
            ),
            weight_decay=phase.updates.weight_decay,
            average=average if phase is phases[-1] else 0.0,
            binarize=True,
            transform=transform,
            checkpoint=None if options.checkpoint is None else f"{options.checkpoint}.{number}",
        )
        updates += history.epochs[-1].updates
        epochs += phase.passes * len(cases) / len(train)
        seconds += sum(epoch.seconds for epoch in history.epochs)
    return updates, epochs, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], fromfile_prefix_chars="@")
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=220)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--chains", type=int, default=500)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.2, help="falls linearly to zero")
    parser.add_argument(
        "--hold", type=float, default=0.0, help="share of the training in which the rate stays"
    )
    parser.add_argument(
        "--warm-up", type=float, default=0.0, help="share of the training in which it rises first"
    )
    parser.add_argument("--average", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--plain", action="store_true", help="not centred")
    parser.add_argument(
        "--deform", type=float, default=0.0, help="train on pictures sheared and turned this much"
    )
    parser.add_argument("--bend", type=float, default=0.0, help="and bent by so many pixels")
    parser.add_argument("--last-deform", type=float, default=0.0, help="in the last part")
    parser.add_argument("--last-bend", type=float, default=0.0, help="in the last part")
    parser.add_argument(
        "--last-true", type=float, default=0.0, help="share of true pictures among those"
    )
    parser.add_argument(
        "--last-rate", type=float, default=1.0, help="in the last part, times that of the schedule"
    )
    parser.add_argument("--last-batch", type=int, help="in the last part; the same when not given")
    parser.add_argument("--last-chains", type=int, help="likewise")
    parser.add_argument("--last-weight-decay", type=float, help="likewise")
    parser.add_argument("--copies", type=int, default=16, help="of each, when they are deformed")
    parser.add_argument(
        "--share", type=float, default=0.8, help="of the epochs, before the last part"
    )
    parser.add_argument("--flip", action="store_true", help="0 and 1 exchanged, in both sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="a file, to go on where a run was stopped")
    parser.add_argument("--model", type=Path, help="a file for the trained RBM")
    parser.add_argument("--ais-chains", type=int, default=100, help="of each direction")
    parser.add_argument("--ais-temperatures", type=int, default=14_500)
    parser.add_argument("--output", type=Path, default=Path("mnist.json"))
    options = parser.parse_args()

    train, test = mnist_pictures("train"), binary_test_pictures()
    if options.flip:
        train, test = 1 - train, 1 - test
    torch.manual_seed(options.seed)
    rbm = torch_rbm.RBM(784, options.hidden)
    torch_rbm.initialize(rbm, train)
    started = time.perf_counter()
    loss = torch_rbm.PersistentContrastiveDivergence(
        rbm, options.chains, options.steps, centered=not options.plain
    )
    updates, epochs, seconds = fit(rbm, loss, train, options)
    minutes = (time.perf_counter() - started) / 60
    if options.model is not None:
        torch_rbm.save(rbm, options.model)
    likelihood = torch_rbm.log_likelihood(
        rbm,
        test,
        chains=options.ais_chains,
        betas=options.ais_temperatures,
        generator=torch.Generator().manual_seed(1),
    )
    # Of the same log Z: how much better the model knows the cases that it was trained on.
    seen = torch.bernoulli(train[: len(test)])
    with torch.no_grad():
        gap = (rbm.free_energy(test).mean() - rbm.free_energy(seen).mean()).item()
    report(
        options.output,
        **{k: v for k, v in vars(options).items() if k not in ("output", "checkpoint", "model")},
        test_log_likelihood=likelihood.value,
        lower=likelihood.lower,
        upper=likelihood.upper,
        training_cases_minus_test=gap,
        method=likelihood.method,
        effective_sample_size=min(likelihood.ess, 1e9),
        minutes=minutes,
        updates=updates,
        seconds_per_epoch=seconds / epochs,
        peak_memory_gb=peak_memory_gb(),
        threads=torch.get_num_threads(),
    )


if __name__ == "__main__":
    main()
