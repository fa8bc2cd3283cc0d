"""What the operators cost beside bare matmuls and beside other libraries.

    python benchmarks/operators.py                  # the whole table, some twenty minutes
    python benchmarks/operators.py --only MNIST     # cases whose description contains a word

R is the time divided by that of the bare dense matmuls which the computation would need, the floor
of every dense implementation of the same precision. All ways take turns in one run; figures are
medians. Libraries that are not installed are left out with a note: requirements-bench.txt
installs them. Real digits are used where TORCH_RBM_DATA names a folder that holds mnist/.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

import timing
import torch
from cases import Case, make, mnist
from peers import PEERS, WORKLOADS, ways

BASE_DENSITY = None if os.environ.get("TORCH_RBM_DATA") else 0.13


def cases() -> list[Case]:
    """The base case, then one thing changed at a time."""
    base = {"density": BASE_DENSITY}
    return [
        Case(**base),
        *(Case(batch=batch, **base) for batch in (16, 1024, 8192)),
        *(Case(density=density) for density in (0.02, 0.5)),
        Case(1, 1, 1, density=0.13),  # the overhead of a call
        Case(64, 64, 16, density=0.13),
        Case(64, 64, 1024, density=0.13),
        Case(4096, 1024, 128, density=0.13),
        Case(density=0.3, visible_units="gaussian"),
        Case(threads=1, **base),
        *(Case(dtype=dtype, **base) for dtype in (torch.float64, torch.bfloat16)),
    ]


def measure(case: Case, budget: float) -> list[dict[str, object]]:
    torch.set_num_threads(case.threads)
    workload = make(case)
    print(f"\n{case}    load average {os.getloadavg()[0]:.2f}")
    header = "".join(f"{name:>17}" for name in PEERS)
    print(f"{'':14}{header}   spread")
    rows: list[dict[str, object]] = []
    for name in WORKLOADS:
        found, missing = ways(name, case, workload)
        if "torch_rbm" not in found:
            continue
        timings = timing.in_turns(found, budget)
        cells = "".join(
            f"{timings[peer].seconds * 1e6:>8.0f} {timings[peer].ratio:>5.2f} R "
            if peer in timings
            else f"{'-':>17}"
            for peer in PEERS
        )
        print(f"{name:14}{cells}   {timings['torch_rbm'].spread:.0%}", flush=True)
        rows += [
            {
                "case": str(case),
                **{k: str(v) for k, v in asdict(case).items()},
                "workload": name,
                "way": peer,
                **asdict(result),
            }
            for peer, result in timings.items()
        ]
        for peer, reason in missing.items():
            rows.append({"case": str(case), "workload": name, "way": peer, "missing": reason})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose description contains this")
    parser.add_argument("--budget", type=float, default=5.0, help="seconds a cell row")
    parser.add_argument("--json", type=Path, default=Path("benchmarks.json"))
    arguments = parser.parse_args()
    print(timing.machine())
    print("microseconds, and R = time / time of the bare matmuls")
    if mnist() is None:
        print("TORCH_RBM_DATA is not set: random states in place of MNIST")
    chosen = [case for case in cases() if arguments.only in str(case)]
    rows = [row for case in chosen for row in measure(case, arguments.budget)]
    for note in sorted({f"{r['way']}: {r['missing']}" for r in rows if "missing" in r}):
        print(note)
    arguments.json.write_text(json.dumps({"machine": timing.machine(), "rows": rows}, indent=1))
    print(f"wrote {arguments.json}")


if __name__ == "__main__":
    main()
