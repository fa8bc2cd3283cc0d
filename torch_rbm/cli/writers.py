"""Tables of numbers to files of the usual formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from torch_rbm.files import write_atomically


def _npy(table: Tensor, columns: Sequence[str] | None, file: IO[bytes]) -> None:
    np.save(file, table.numpy())


def _csv(table: Tensor, columns: Sequence[str] | None, file: IO[bytes]) -> None:
    if columns is not None:
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow(columns)
        file.write(header.getvalue().encode())
    if table.dtype == torch.float64:
        for row in table.tolist():
            # The shortest that reads as the same number again.
            file.write((",".join(repr(x).removesuffix(".0") for x in row) + "\n").encode())
    else:
        # Nine digits are what it takes to read the same float32 again.
        np.savetxt(file, table.numpy(), fmt="%.9g", delimiter=",")


_WRITERS: dict[str, Callable[[Tensor, Sequence[str] | None, IO[bytes]], None]] = {
    ".npy": _npy,
    ".csv": _csv,
}
TABLES = tuple(_WRITERS)


def write_table(table: Tensor, path: str | Path, columns: Sequence[str] | None = None) -> None:
    """Write numbers, [rows, columns], in the format that the file is named after.

    Float64 stays what it is, all else becomes float32. What is there already is replaced, whole
    or not at all.

    Args:
        table: the numbers.
        path: the file; its name ends in one of ``TABLES``.
        columns: names for the first line of a format that has one.
    """
    numbers = table if table.dtype == torch.float64 else table.float()
    write_atomically(path, partial(_WRITERS[Path(path).suffix], numbers, columns))
