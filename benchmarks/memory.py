"""The peak memory of PCD with many chains, beside its states and weights.

    python benchmarks/memory.py

States are the chains that go in and the chains that come out, weights the parameters and their
gradients. Each dtype of the chains is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import torch
from reporting import peak_memory_gb

import torch_rbm

MEGABYTE = 1e6


def measure(chains: int, dtype: torch.dtype) -> None:
    rbm = torch_rbm.RBM(784, 500)
    parameters = [p.detach() for p in rbm.parameters()]
    data = torch.zeros(128, 784, dtype=dtype)
    before = peak_memory_gb()
    states = torch.zeros(chains, 784, dtype=dtype)
    states[:, ::8] = 1
    result = torch_rbm.ops.contrastive_divergence(data, states, *parameters, 10)
    grown = 1e9 * (peak_memory_gb() - before)
    size = 2 * states.nbytes + sum(p.nbytes for p in parameters) + sum(g.nbytes for g in result[:3])
    print(
        f"{chains} chains of 784 x 500, {dtype}: peak {grown / MEGABYTE:.0f} MB, "
        f"states and weights {size / MEGABYTE:.0f} MB, ratio {grown / size:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=100_000)
    parser.add_argument("--dtype", choices=["float32", "bool"])
    arguments = parser.parse_args()
    if arguments.dtype:
        measure(arguments.chains, getattr(torch, arguments.dtype))
        return
    for dtype in ("float32", "bool"):
        command = [sys.executable, __file__, "--chains", str(arguments.chains), "--dtype", dtype]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
