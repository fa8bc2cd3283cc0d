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

from torch_rbm.cli.readers import Names
from torch_rbm.files import write_atomically


def _npy(
    table: Tensor, columns: Sequence[str] | None, cases: Names | None, file: IO[bytes]
) -> None:
    np.save(file, table.numpy())


def _csv(
    table: Tensor, columns: Sequence[str] | None, cases: Names | None, file: IO[bytes]
) -> None:
    number = _shortest if table.dtype == torch.float64 else "{:.9g}".format
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    if columns is not None:
        writer.writerow(columns if cases is None else [cases.column, *columns])
    rows = ([number(value) for value in row.tolist()] for row in table.numpy())
    if cases is not None:
        rows = ([name, *row] for name, row in zip(cases.values, rows, strict=True))
    writer.writerows(rows)
    text.detach()


def _shortest(value: float) -> str:
    """The shortest text that reads as the same number again."""
    return repr(value).removesuffix(".0")


_Writer = Callable[[Tensor, "Sequence[str] | None", "Names | None", IO[bytes]], None]
_WRITERS: dict[str, _Writer] = {
    ".npy": _npy,
    ".csv": _csv,
}
TABLES = tuple(_WRITERS)


def write_table(
    table: Tensor,
    path: str | Path,
    columns: Sequence[str] | None = None,
    cases: Names | None = None,
) -> None:
    """Write numbers, [rows, columns], in the format that the file is named after.

    Float64 stays what it is, all else becomes float32. What is there already is replaced, whole
    or not at all.

    Args:
        table: the numbers.
        path: the file; its name ends in one of ``TABLES``.
        columns: names for the first line of a format that has one.
        cases: names for the first column of a format that has words.
    """
    numbers = table if table.dtype == torch.float64 else table.float()
    write_atomically(path, partial(_WRITERS[Path(path).suffix], numbers, columns, cases))
