"""How well the recommender predicts and ranks real ratings, and how it grows with them.

    TORCH_RBM_DATA=... python benchmarks/recommender.py ratings   # 5 folds of MovieLens
    TORCH_RBM_DATA=... python benchmarks/recommender.py ranking   # the last rating of each user
    python benchmarks/recommender.py scale                        # ten million made-up ratings

Prints lines of JSON, and appends them to --output.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from reporting import peak_memory_gb, report

from torch_rbm.ratings import (
    GlobalMean,
    ImplicitRecommender,
    Popularity,
    Ratings,
    RatingsRBM,
    RatingTable,
    Recommender,
    Scores,
    UserItemBiases,
    evaluate,
    fit_ratings,
    k_fold,
    leave_last_out,
    synthetic_ratings,
)

_USERS, _ITEMS, _LEVELS = 70_000, 10_000, 10
_SIZES = [(2_500_000, 100), (5_000_000, 100), (10_000_000, 100), (10_000_000, 50), (10_000_000, 25)]


def movielens() -> RatingTable:
    folder = os.environ.get("TORCH_RBM_DATA")
    if folder is None:
        raise SystemExit("set TORCH_RBM_DATA to the folder that holds movielens-latest-small/")
    return RatingTable.read_csv(Path(folder) / "movielens-latest-small" / "ratings.csv")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ratings(options: argparse.Namespace) -> None:
    """Five folds: means of the test errors, beside the baselines."""
    measured: dict[str, list[Scores]] = {}
    seconds = []
    orientations = ["items", "users", "both"] if options.all else ["items"]
    for train, test in k_fold(movielens(), 5, generator()):
        for baseline in (GlobalMean, UserItemBiases):
            measured.setdefault(baseline.__name__, []).append(evaluate(baseline(train), test))
        for orientation in orientations:
            started = time.perf_counter()
            recommender = Recommender.fit(
                train, orientation=orientation, generator=generator(), progress=False
            )
            seconds.append(time.perf_counter() - started)
            name = f"Recommender, {orientation} as cases"
            measured.setdefault(name, []).append(evaluate(recommender, test))
    for name, scores in measured.items():
        means = {
            measure: statistics.mean(getattr(score, measure) for score in scores)
            for measure in ("rmse", "mae", "nll", "calibration_error")
            if getattr(scores[0], measure) is not None
        }
        report(options.output, figure=name, folds=len(scores), **means)
    ours = statistics.mean(score.rmse for score in measured["Recommender, items as cases"])
    plain = statistics.mean(score.rmse for score in measured["UserItemBiases"])
    report(
        options.output,
        figure="below the biases of users and items",
        share=1 - ours / plain,
        seconds_per_fold=statistics.mean(seconds),
        peak_memory_gb=peak_memory_gb(),
    )


def ranking(options: argparse.Namespace) -> None:
    """The last rating of each user among all items that she had not rated before."""
    train, test = leave_last_out(movielens())
    for name, build in {
        "Popularity": Popularity,
        "UserItemBiases": UserItemBiases,
        "Recommender": lambda table: Recommender.fit(table, generator=generator(), progress=False),
        "ImplicitRecommender": lambda table: ImplicitRecommender.fit(
            table, generator=generator(), progress=False
        ),
    }.items():
        started = time.perf_counter()
        scores = evaluate(build(train), test, k=10)
        report(
            options.output,
            figure=f"{name}, lists of 10",
            ndcg=scores.ndcg,
            recall=scores.recall,
            coverage=scores.coverage,
            seconds=time.perf_counter() - started,
        )


def scale(options: argparse.Namespace) -> None:
    """An epoch's time and the memory of processes that train on more and more ratings."""
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted({count for count, _ in _SIZES}):
            path = Path(folder) / f"{count}.pt"
            command = [sys.executable, __file__, "make", "--data", str(path), "--count", str(count)]
            subprocess.run(command, check=True)
        for count, hidden in _SIZES:
            for orientation in ("items", "users"):
                command = [
                    *(sys.executable, __file__, "epoch", "--data", f"{folder}/{count}.pt"),
                    *("--hidden", str(hidden), "--orientation", orientation),
                    *("--output", str(options.output)),
                ]
                subprocess.run(command, check=True)


def make(options: argparse.Namespace) -> None:
    """Write made-up ratings to a file."""
    table, _ = synthetic_ratings(
        _USERS, _ITEMS, options.count, levels=_LEVELS, generator=generator()
    )
    torch.save({"user": table.user, "item": table.item, "level": table.level}, options.data)


def epoch(options: argparse.Namespace) -> None:
    """Train for three epochs; report the faster of the last two."""
    content = torch.load(options.data)
    user, item, level = content["user"], content["item"], content["level"]
    if options.orientation == "items":
        cases, units = Ratings.of(item, user, level, _ITEMS), _USERS
    else:
        cases, units = Ratings.of(user, item, level, _USERS), _ITEMS
    del content, user, item, level
    rbm = RatingsRBM(units, _LEVELS, options.hidden)
    rbm.initialize(cases)
    before = peak_memory_gb()
    history = fit_ratings(rbm, cases, epochs=3, progress=False, generator=generator())
    seconds = min(entry.seconds for entry in history.epochs[1:])
    report(
        options.output,
        figure=f"scale, {options.orientation} as cases",
        ratings=len(cases.items),
        hidden=options.hidden,
        seconds_per_epoch=seconds,
        microseconds_per_rating=1e6 * seconds / len(cases.items),
        nanoseconds_per_rating_and_hidden_unit=1e9 * seconds / len(cases.items) / options.hidden,
        peak_memory_gb=peak_memory_gb(),
        peak_before_training_gb=before,
        threads=torch.get_num_threads(),
    )


def main() -> None:
    tasks = {task.__name__: task for task in (ratings, ranking, scale, make, epoch)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=tasks)
    parser.add_argument("--all", action="store_true", help="every orientation, not items alone")
    parser.add_argument("--data", help="file of made-up ratings, of make and epoch")
    parser.add_argument("--count", type=int, default=1_000_000, help="ratings to make up")
    parser.add_argument("--hidden", type=int, default=100)
    parser.add_argument("--orientation", choices=("items", "users"), default="items")
    parser.add_argument("--output", type=Path, default=Path("recommender.json"))
    options = parser.parse_args()
    tasks[options.task](options)


if __name__ == "__main__":
    main()
