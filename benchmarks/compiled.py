"""What torch.compile gains: training steps of the losses, compiled and eager in turns.

    python benchmarks/compiled.py

A step is the loss, backward() and Adam. Ratios below 1 are gains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import timing
import torch

import torch_rbm

VISIBLE, HIDDEN, BATCH = 784, 500, 128
PCD = partial(torch_rbm.PersistentContrastiveDivergence, chains=100)
LOSSES: dict[str, Callable[[torch_rbm.RBM], torch.nn.Module]] = {
    "CD-1": torch_rbm.ContrastiveDivergence,
    "PCD": PCD,
    "PCD, centred": partial(PCD, centered=True),
    "FPCD": partial(torch_rbm.FastPersistentContrastiveDivergence, chains=100),
    "mean field": torch_rbm.MeanFieldContrastiveDivergence,
    "tempering": partial(torch_rbm.ParallelTempering, chains=20, acceptance=None),
}


def step(make: Callable[[torch_rbm.RBM], torch.nn.Module], *, compiled: bool) -> Callable[[], None]:
    torch.manual_seed(0)
    rbm = torch_rbm.RBM(VISIBLE, HIDDEN)
    loss = make(rbm)
    optimizer = torch.optim.Adam(rbm.parameters(), lr=1e-4, fused=True)
    data = (torch.rand(BATCH, VISIBLE) < 0.13).float()
    value = torch.compile(loss, fullgraph=True) if compiled else loss

    def run() -> None:
        optimizer.zero_grad()
        value(data).backward()
        optimizer.step()

    return run


def main() -> None:
    print(f"{VISIBLE} x {HIDDEN}, batch {BATCH}; {timing.machine()}")
    for name, make in LOSSES.items():
        timings = timing.in_turns(
            {"eager": step(make, compiled=False), "compiled": step(make, compiled=True)}
        )
        eager, compiled = timings["eager"], timings["compiled"]
        print(
            f"{name:14} eager {eager.seconds * 1e3:6.2f} ms, compiled "
            f"{compiled.seconds * 1e3:6.2f} ms, ratio {compiled.ratio:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
