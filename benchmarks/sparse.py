"""Training on sparse binary data: time and peak memory.

    python benchmarks/sparse.py                     # 1,000,000 rows of 20,000 columns, 0.1 % active
    python benchmarks/sparse.py --rows 100000

One epoch of CD-1. Dense, such data would take 80 gigabytes in float32.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial

import torch
from reporting import peak_memory_gb

import torch_rbm
from torch_rbm.sparse import select_rows

COLUMNS = 20_000
ACTIVE = 20  # of a row


def make(rows: int) -> torch.Tensor:
    """Rows of 20 active columns, from 50 topics of 400 columns each."""
    topic = torch.randint(50, (rows, 1))
    columns = (torch.rand(rows, ACTIVE) * 400 * torch.rand(rows, ACTIVE)).long() + topic * 400
    columns = columns.sort(1).values
    # A column drawn twice stands for one more of the same: sums stay binary if it is kept once.
    first = torch.ones_like(columns, dtype=torch.bool)
    first[:, 1:] = columns[:, 1:] != columns[:, :-1]
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), first.sum(1).cumsum(0)])
    columns = columns[first].int()
    values = torch.ones(len(columns), dtype=torch.bool)
    return torch.sparse_csr_tensor(starts.int(), columns, values, (rows, COLUMNS))


def with_columns(data: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """The same numbers of active columns in each row, but others."""
    return torch.sparse_csr_tensor(data.crow_indices(), columns, data.values(), data.shape)


def main() -> None:
    warnings.simplefilter("ignore", UserWarning)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--hidden", type=int, default=64)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    data = make(arguments.rows)
    active = len(data.values())
    print(f"{arguments.rows} x {COLUMNS}, {active} active, {arguments.hidden} hidden units")
    before = peak_memory_gb()
    rbm = torch_rbm.RBM(COLUMNS, arguments.hidden)
    torch_rbm.initialize(rbm, data)
    some = select_rows(data, torch.arange(1000))
    mixed = with_columns(some, some.col_indices()[torch.randperm(len(some.values()))])

    def gap() -> float:
        return float(rbm.free_energy(mixed).mean() - rbm.free_energy(some).mean())

    untrained = gap()
    started = time.perf_counter()
    # Columns are so rarely active that plain gradients are tiny.
    adam = partial(torch.optim.Adam, lr=1e-2)
    torch_rbm.fit(rbm, data, epochs=1, batch_size=1000, optimizer=adam, progress=False)
    seconds = time.perf_counter() - started
    print(f"one epoch of CD-1 in batches of 1000: {seconds:.0f} s")
    print(
        f"peak memory: {peak_memory_gb():.2f} GB, {before:.2f} GB of it before the model was made"
    )
    print(f"free energy of rows of mixed topics less that of rows: {untrained:.2f}, {gap():.2f}")


if __name__ == "__main__":
    main()
