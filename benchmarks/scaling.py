"""How the cost of CD-k grows with batch, width, steps and density: a picture.

    python benchmarks/scaling.py --output docs/scaling.png

Bare matmuls, torch_rbm and eager PyTorch take turns at every point; lines are medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import timing
import torch
from cases import Case, make
from peers import eager_estimate, matmul_products, ours_estimate

BASE = Case(density=0.13)

Point = tuple[Case, int]
PANELS: dict[str, list[tuple[float, Point]]] = {
    "batch (784 x 500, CD-1, 13 % active)": [
        (batch, (replace(BASE, batch=batch), 1)) for batch in (8, 32, 128, 512, 2048, 8192)
    ],
    "visible = hidden units (batch 128, CD-1, 13 % active)": [
        (width, (replace(BASE, visible=width, hidden=width), 1))
        for width in (32, 64, 128, 256, 512, 1024, 2048, 4096)
    ],
    "steps k (784 x 500, batch 128, 13 % active)": [
        (steps, (BASE, steps)) for steps in (1, 2, 5, 10, 20, 50)
    ],
    "share of active units (784 x 500, batch 128, CD-1)": [
        (density, (replace(BASE, density=density), 1))
        for density in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
    ],
}
WAYS: dict[str, Callable[..., Callable[[], object]]] = {
    "bare matmuls": matmul_products,
    "torch_rbm": ours_estimate,
    "eager PyTorch": eager_estimate,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("scaling.png"))
    arguments = parser.parse_args()
    print(timing.machine())
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    for axis, (title, points) in zip(axes.flat, PANELS.items(), strict=True):
        lines: dict[str, list[float]] = {name: [] for name in WAYS}
        for _, (case, steps) in points:
            workload = make(case)
            found = {name: way(workload, steps) for name, way in WAYS.items()}
            for name, result in timing.in_turns(found, budget=1.0).items():
                lines[name].append(result.seconds * 1e3)
        for name, values in lines.items():
            axis.plot([x for x, _ in points], values, marker="o", label=name)
            print(f"{title}, {name}: " + ", ".join(f"{value:.3g}" for value in values), flush=True)
        axis.set(xlabel=title, ylabel="milliseconds for one gradient", yscale="log")
        if "share" not in title:
            axis.set_xscale("log", base=2)
        axis.grid(alpha=0.3)
    axes[0, 0].legend()
    figure.suptitle(f"CD-k gradients of an RBM, float32, {timing.machine()}", fontsize=10)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.output, dpi=110)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
