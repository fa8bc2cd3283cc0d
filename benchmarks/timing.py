"""Timings that can be compared: taken in turns, in one run, as medians."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timing:
    """Of one way to do a thing, among others that took turns with it."""

    seconds: float  # median
    spread: float  # the middle half of the times, as a share of the median
    ratio: float  # median over the rounds of its time to that of the first way


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def turn(run: Callable[[], object]) -> float:
    """The median over 50 milliseconds of runs, one at least, after 20 that are not counted.

    As in a training loop: its own data are in the caches, its threads awake, those of the others
    asleep, which thread pools send to sleep some 30 milliseconds after their work.
    """
    time.sleep(0.03)
    _runs(run, 0.02)
    return statistics.median(_runs(run, 0.05))


def _runs(run: Callable[[], object], budget: float) -> list[float]:
    times = [seconds(run)]
    while sum(times) < budget:
        times.append(seconds(run))
    return times


def in_turns(ways: dict[str, Callable[[], object]], budget: float = 3.0) -> dict[str, Timing]:
    """Let every way have a turn each round, for ``budget`` seconds and three rounds at least."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    started = time.perf_counter()
    done = 0
    while done < 3 or time.perf_counter() - started < budget:
        for name, run in ways.items():
            times[name].append(turn(run))
        done += 1
    first = next(iter(times.values()))
    return {name: _timing(values, first) for name, values in times.items()}


def _timing(values: list[float], first: list[float]) -> Timing:
    median = statistics.median(values)
    quartiles = statistics.quantiles(values, n=4)
    ratio = statistics.median(a / b for a, b in zip(values, first, strict=True))
    return Timing(median, (quartiles[2] - quartiles[0]) / median, ratio)


def machine() -> str:
    """What the figures depend on, in a line."""
    return (
        f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, "
        f"PyTorch {torch.__version__}, load average {os.getloadavg()[0]:.2f}"
    )
