"""What a likelihood costs: exact enumeration, and AIS beside the bare matmuls that it needs.

    python benchmarks/likelihood.py

Matmuls and AIS take turns over pieces of the schedule, so that both see the same machine; the ratio
is the median over the pieces. Run it on an idle machine.
"""

from __future__ import annotations

import argparse

import timing
import torch
from cases import Workload
from peers import matmuls
from timing import seconds
from torch import Tensor
from tqdm.auto import trange

import torch_rbm

VISIBLE = 784


def pictures(cases: int) -> Tensor:
    """Binary rows with structure: a few random templates with a tenth of their pixels flipped."""
    templates = (torch.rand(20, VISIBLE) < 0.2).float()
    rows = templates[torch.randint(20, (cases,))]
    return (rows - (torch.rand(cases, VISIBLE) < 0.1).float()).abs()


def trained(hidden: int, data: Tensor, epochs: int) -> torch_rbm.RBM:
    rbm = torch_rbm.RBM(VISIBLE, hidden)
    torch_rbm.fit(rbm, data, epochs=epochs, progress=False)
    return rbm


def exact() -> None:
    data = pictures(2000)
    rbm = trained(15, data, epochs=20)
    log_z = []
    times = [seconds(lambda: log_z.append(torch_rbm.log_partition(rbm).value)) for _ in range(5)]
    estimate = torch_rbm.log_partition(
        rbm, method="ais", data=data, chains=1000, betas=5000, progress=False
    )
    away = abs(estimate.value - log_z[0]) / estimate.error
    print(f"784 x 15, exact log Z {log_z[0]:.4f} in {sorted(times)[2]:.2f} s")
    print(f"          AIS   log Z {estimate}")
    print(f"          {away:.1f} standard errors apart")


def many_states() -> None:
    parameters = torch.randn(25, 25), torch.zeros(25), torch.zeros(25)
    time_needed = seconds(lambda: torch_rbm.ops.log_partition(*parameters))
    print(f"25 x 25, exact log Z over 2^25 states in {time_needed:.2f} s")


def ais(hidden: int, chains: int, temperatures: int, pieces: int = 100) -> None:
    rbm = trained(hidden, pictures(2000), epochs=2)
    betas = torch_rbm.ais_schedule(temperatures)
    base = rbm.visible_bias.detach()
    chain = torch.bernoulli(torch.sigmoid(base).expand(chains, -1))
    parameters = [p.detach() for p in rbm.parameters()]
    product = matmuls("Gibbs sweep", Workload(chain, chain, *parameters))
    length = max(temperatures // pieces, 1)
    ratios, total = [], 0.0

    for first in trange(0, temperatures - 1, length, desc="AIS", leave=False, disable=None):
        part = betas[first : first + length + 1]

        def walk(part: Tensor = part) -> None:
            nonlocal chain
            _, chain = torch_rbm.ops.annealed_importance_sampling(
                chain, rbm.weight, rbm.visible_bias, rbm.hidden_bias, base, part
            )

        def multiply(steps: int = len(part) - 1) -> None:
            for _ in range(steps):
                product()

        walking = seconds(walk)
        ratios.append(walking / seconds(multiply))
        total += walking
    print(
        f"784 x {hidden}, AIS with {temperatures} temperatures and {chains} chains: {total:.1f} s, "
        f"{sorted(ratios)[len(ratios) // 2]:.2f} times its bare matmuls"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--temperatures", type=int, default=14_500)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    print(timing.machine())
    exact()
    many_states()
    ais(arguments.hidden, arguments.chains, arguments.temperatures)


if __name__ == "__main__":
    main()
