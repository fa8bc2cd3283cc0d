"""What the schedule of the learning rate does to the likelihood of test cases.

    TORCH_RBM_DATA=... python benchmarks/schedules.py

Trainings by the defaults of ``fit`` but for rate and schedule, exact log-likelihoods: wine, breast
cancer, the latter also with most of its columns as 0 and 1, and digits of scikit-learn, and MNIST.
Prints a line of JSON for each, and appends it to --output.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from cases import mnist_pictures
from mnist import binary_test_pictures
from reporting import report
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from torch import Tensor
from torch.optim import Optimizer

import torch_rbm
from torch_rbm.training.factories import default_optimizer

SEEDS = 3


@dataclass(frozen=True)
class Task:
    """Training and test cases, and how an RBM of them is made and trained."""

    cases: Callable[[], tuple[Tensor, Tensor]]
    hidden: int
    units: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """A rate, as a multiple of the default one, and how it rises, stays and falls."""

    times: float
    hold: float
    warm_up: float


SCHEDULES = [
    Schedule(1, 0, 0),
    Schedule(1, 0.6, 0),
    Schedule(2.5, 0, 0),
    Schedule(2.5, 0, 0.1),
    Schedule(2.5, 0.6, 0.1),
]


def shuffled(cases: Tensor) -> Tensor:
    return cases[torch.randperm(len(cases), generator=torch.Generator().manual_seed(1))]


def standardised(load: Callable[[], Any]) -> Tensor:
    cases = torch.from_numpy(load().data).float()
    return shuffled((cases - cases.mean(0)) / cases.std(0))


def wine() -> tuple[Tensor, Tensor]:
    cases = standardised(load_wine)
    return cases[:130], cases[130:]


def cancer() -> tuple[Tensor, Tensor]:
    cases = standardised(load_breast_cancer)
    return cases[:420], cases[420:]


def mixed() -> tuple[Tensor, Tensor]:
    """Five columns of real numbers, and of the others whether they are above their median."""
    cases = standardised(load_breast_cancer)
    above = cases[:, 5:] > cases[:, 5:].median(0).values
    cases = torch.cat([cases[:, :5], above], dim=1)
    return cases[:420], cases[420:]


def digits() -> tuple[Tensor, Tensor]:
    """Grey digits, and test digits whose pixels were drawn once."""
    cases = torch.from_numpy(load_digits().data).float() / 16
    drawn = torch.rand(cases.shape, generator=torch.Generator().manual_seed(0)) < cases
    return shuffled(cases)[:1300], shuffled(drawn.float())[1300:]


def mnist() -> tuple[Tensor, Tensor]:
    return mnist_pictures("train"), binary_test_pictures()


REAL = {"visible_units": "gaussian", "learn_precision": True}
TASKS = {
    "wine": Task(wine, 10, units=REAL),
    "cancer": Task(cancer, 15, units=REAL),
    "mixed": Task(mixed, 15, units={**REAL, "visible_units": "gaussian:5, bernoulli:25"}),
    "digits": Task(digits, 15, options={"binarize": True}),
    "mnist": Task(mnist, 16, options={"binarize": True, "epochs": 6}),
}


def scaled(parameters: Iterable[Any], rbm: torch_rbm.RBM, times: float) -> Optimizer:
    """The optimizer that ``fit`` takes by default, with so many times its rate."""
    optimizer = default_optimizer(rbm)(parameters)
    for group in optimizer.param_groups:
        group["lr"] *= times
    return optimizer


def log_likelihood(task: Task, train: Tensor, test: Tensor, schedule: Schedule, seed: int) -> float:
    torch.manual_seed(seed)
    rbm = torch_rbm.RBM(train.shape[1], task.hidden, **task.units)
    torch_rbm.initialize(rbm, train)
    torch_rbm.fit(
        rbm,
        train,
        optimizer=partial(scaled, rbm=rbm, times=schedule.times),
        scheduler=partial(torch_rbm.linear_decay, hold=schedule.hold, warm_up=schedule.warm_up),
        progress=False,
        **task.options,
    )
    return torch_rbm.log_likelihood(rbm, test).value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=TASKS, action="append")
    parser.add_argument(
        "--schedule",
        type=float,
        nargs=3,
        action="append",
        metavar=("TIMES", "HOLD", "WARM_UP"),
        help="five of them if not given",
    )
    parser.add_argument("--output", type=Path, default=Path("schedules.json"))
    options = parser.parse_args()
    schedules = [Schedule(*numbers) for numbers in options.schedule or []] or SCHEDULES
    for name in options.task or TASKS:
        task = TASKS[name]
        train, test = task.cases()
        for schedule in schedules:
            values = [log_likelihood(task, train, test, schedule, seed) for seed in range(SEEDS)]
            report(
                options.output,
                task=name,
                **asdict(schedule),
                test_log_likelihood=statistics.mean(values),
                standard_error=statistics.stdev(values) / SEEDS**0.5,
            )


if __name__ == "__main__":
    main()
