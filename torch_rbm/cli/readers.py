"""Cases from files of the usual formats."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_rbm.cli.csv_files import CSVFile, WrongColumnsError, kept_columns, numbered
from torch_rbm.files import open_unzipped
from torch_rbm.sparse import as_cases

# The types of the elements of an idx file (LeCun, Cortes and Burges: MNIST).
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_EXPECTED = ".npy, .npz, .csv, .idx, .idx.gz, -ubyte, -ubyte.gz or .pt"


@dataclass(frozen=True)
class Names:
    """What the cases of a table are called, in a column of this name."""

    column: str
    values: list[str]


@dataclass(frozen=True)
class Table:
    """Cases from a file.

    Attributes:
        path: the file.
        data: the cases, [cases, visible].
        names: those of the columns, where they have any.
        cases: what the cases are called, where a column of the file says so.
        numbers: those that the cases have in the file, from 1 on, where some are left out.
    """

    path: str
    data: Tensor
    names: list[str] | None
    cases: Names | None = None
    numbers: Tensor | None = None

    def name_of(self, column: int) -> str:
        """What a message calls a column: its name, or its number, from 1 on."""
        return str(column + 1) if self.names is None else repr(self.names[column])

    def number_of(self, case: int) -> int:
        """The number, from 1 on, that a case of this table, from 0 on, has in the file."""
        return case + 1 if self.numbers is None else int(self.numbers[case])

    def of_cases(self, chosen: Tensor) -> Table:
        """The table with some of its cases alone, bool [cases]."""
        names = self.cases
        if names is not None:
            kept = itertools.compress(names.values, chosen.tolist())
            names = Names(names.column, list(kept))
        numbers = chosen.nonzero().flatten() + 1
        return replace(self, data=self.data[chosen], cases=names, numbers=numbers)


def read_table(
    path: str | Path,
    scale: float | None = None,
    drop: Collection[str] = (),
    wanted: list[str] | None = None,
    case_column: str | None = None,
) -> Table:
    """Read cases, [cases, visible], from a file.

    Args:
        path: ``.npy`` (mapped, not read), ``.npz`` with one array or with a matrix of scipy.sparse,
            ``.csv`` of numbers with or without a header, whose empty cells and ``NA`` become NaN,
            ``.idx`` and the names of MNIST's files, gzipped or not, or ``.pt`` with one tensor.
        scale: what numbers are divided by, such as 255 for pixels.
        drop: columns to leave out: their names, or numbers from 1 on where they have no names. Of
            a ``.csv`` they may hold anything.
        wanted: columns to read of a ``.csv`` that has names, in this order.
        case_column: column of a ``.csv`` that says what the cases are called, in words or numbers;
            it is left out of the cases if it is none of those that are wanted.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of no known format, does not hold numbers of cases, or has no such column.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a file {path}, found none")
    name = path.name.lower().removesuffix(".gz")
    is_csv = name.endswith(".csv")
    read = next((_READERS[ending] for ending in _READERS if name.endswith(ending)), None)
    if read is None and not is_csv:
        raise ValueError(f"expected a file {_EXPECTED}, got {path.name}")
    if case_column is not None and not is_csv:
        raise ValueError(f"expected a .csv, which has a column {case_column!r}, got {path.name}")
    names = cases = None
    try:
        if read is not None:
            data = _without(drop, as_cases(read(path)))
        else:
            if case_column is not None and case_column not in (wanted or ()):
                drop = [*drop, case_column]
            file = CSVFile.of(path, drop, wanted)
            data, names = file.read(), file.names
            if case_column is not None:
                cases = Names(case_column, file.words(case_column))
                if len(cases.values) != len(data):
                    raise ValueError(f"it has {len(data)} cases, and other lines between them")
    except WrongColumnsError as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:  # of any kind, from readers of half a dozen formats
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"expected numbers of cases in {path}: {reason}") from error
    return Table(str(path), data if scale is None else data / scale, names, cases)


def _without(drop: Collection[str], data: object) -> Tensor:
    """Cases as [cases, visible], without the columns of these numbers."""
    if not isinstance(data, Tensor) or data.dim() < 2:
        shape = list(data.shape) if isinstance(data, Tensor) else type(data).__name__
        raise ValueError(f"[cases, ...] was expected, got {shape}")
    if data.layout != torch.strided:
        if drop:
            raise ValueError("columns of sparse matrices cannot be left out")
        return data
    cases: Tensor = data.flatten(1)
    return cases[:, kept_columns(numbered(cases.shape[1]), drop)] if drop else cases


def _npy(path: Path) -> Any:
    return np.load(path, mmap_mode="c", allow_pickle=False)


def _npz(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        names = archive.files
        if "format" not in names:
            if len(names) != 1:
                raise ValueError(f"one array was expected, there are {', '.join(names)}")
            return archive[names[0]]
    try:
        from scipy import sparse
    except ModuleNotFoundError as error:
        raise ValueError("it is a matrix of scipy.sparse: pip install scipy") from error
    return sparse.load_npz(path)


def _idx(path: Path) -> Any:
    with open_unzipped(path) as file:
        zeros, kind, dimensions = struct.unpack(">HBB", file.read(4))
        if zeros != 0 or kind not in _IDX_TYPES:
            raise ValueError("it does not begin as an idx file does")
        shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        numbers = np.frombuffer(file.read(), _IDX_TYPES[kind])
    return torch.from_numpy(numbers.reshape(shape).astype(numbers.dtype.newbyteorder("=")))


def _pt(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


_READERS: dict[str, Callable[[Path], Any]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".idx": _idx,
    "-ubyte": _idx,
    ".pt": _pt,
}
