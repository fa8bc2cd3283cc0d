"""Cases from files of the usual formats."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_rbm.sparse import as_tensor

# The types of the elements of an idx file (LeCun, Cortes and Burges: MNIST).
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# With or without the mark that spreadsheets put first.
_ENCODING = "utf-8-sig"
_QUOTED = re.compile(r'"[^"]*"')
# What tables have where a value is missing.
_MISSING = ("", "na", "n/a", "nan", "null", "none")
_EXPECTED = ".npy, .npz, .csv, .idx, .idx.gz, -ubyte, -ubyte.gz or .pt"


def read_cases(path: str | Path, scale: float | None = None) -> Tensor:
    """Read cases, [cases, visible], from a file.

    Args:
        path: ``.npy`` (mapped, not read), ``.npz`` with one array or with a matrix of scipy.sparse,
            ``.csv`` of numbers with or without a header, whose empty cells and ``NA`` become NaN,
            ``.idx`` and the names of MNIST's files, gzipped or not, or ``.pt`` with one tensor.
        scale: what numbers are divided by, such as 255 for pixels.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of no known format, or does not hold numbers of cases.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a file {path}, found none")
    name = path.name.lower().removesuffix(".gz")
    read = next((_READERS[ending] for ending in _READERS if name.endswith(ending)), None)
    if read is None:
        raise ValueError(f"expected a file {_EXPECTED}, got {path.name}")
    try:
        data = as_tensor(read(path))
    except Exception as error:  # of any kind, from readers of half a dozen formats
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"expected numbers of cases in {path}: {reason}") from error
    if not isinstance(data, Tensor) or data.dim() < 2:
        shape = list(data.shape) if isinstance(data, Tensor) else type(data).__name__
        raise ValueError(f"expected [cases, ...] numbers in {path}, got {shape}")
    if data.layout == torch.strided:
        data = data.flatten(1)
        if data.dtype not in (torch.bool, torch.uint8) and not data.is_floating_point():
            data = _in_single_if_exact(data.double())
    return data if scale is None else data / scale


def _in_single_if_exact(numbers: Tensor) -> Tensor:
    """Float64 numbers as float32, half the memory, where that is what they are."""
    single = numbers.float()
    return single if ((single == numbers) | numbers.isnan()).all() else numbers


def _open(path: Path) -> Any:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


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


def column_names(path: str | Path) -> list[str] | None:
    """The names in the first line of a table; None where it has none, or is no table."""
    path = Path(path)
    if not path.name.lower().removesuffix(".gz").endswith(".csv"):
        return None
    return _first_line(path)[1]


def _first_line(path: Path) -> tuple[str, list[str] | None]:
    """What separates the columns, and their names where there are any."""
    with _open(path) as file:
        first = file.readline().decode(_ENCODING, errors="replace").strip()
    separator = max(",;\t", key=_QUOTED.sub("", first).count)
    words = next(csv.reader([first], delimiter=separator), [])
    if all(_is_number(word) or _is_missing(word) for word in words):
        return separator, None
    return separator, [word.strip() for word in words]


def _csv(path: Path) -> Any:
    separator, names = _first_line(path)
    skipped = 0 if names is None else 1

    def rows(convert: Callable[[str], float] | None) -> Any:
        with _open(path) as file:
            return np.loadtxt(
                file,
                delimiter=separator,
                skiprows=skipped,
                ndmin=2,
                dtype=np.float64,
                converters=convert,
                encoding=_ENCODING,
            )

    with warnings.catch_warnings():
        warnings.filterwarnings("error", "loadtxt: input contained no data")
        try:
            table = rows(None)
        except UserWarning as error:
            raise ValueError("it has no rows of numbers") from error
        except ValueError as error:
            fault = _first_fault(path, separator, names)
            if fault is not None:
                raise ValueError(fault) from error
            table = rows(_number)
    if np.isinf(table).any():
        raise ValueError(_first_fault(path, separator, names))
    return _in_single_if_exact(torch.from_numpy(table))


def _first_fault(path: Path, separator: str, names: list[str] | None) -> str | None:
    """The line of a table of numbers that keeps it from being one, in words."""
    with io.TextIOWrapper(_open(path), encoding=_ENCODING, errors="replace") as file:
        rows = csv.reader(file, delimiter=separator)
        columns = 0 if names is None else len(next(rows))
        for row in rows:
            if not row:
                continue
            columns = columns or len(row)
            if len(row) != columns:
                return f"line {rows.line_num} has {len(row)} values, the lines before {columns}"
            for column, word in enumerate(row):
                if not (_is_missing(word) or _is_finite(word)):
                    name = column + 1 if names is None else repr(names[column])
                    return (
                        f"line {rows.line_num} has {word!r} in column {name}, no number; "
                        "categories want a column of 0 and 1 for each"
                    )
    return None


def _number(word: str) -> float:
    return math.nan if _is_missing(word) else float(word)


def _is_missing(word: str) -> bool:
    return word.strip().lower() in _MISSING


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_finite(word: str) -> bool:
    return _is_number(word) and math.isfinite(float(word))


def _idx(path: Path) -> Any:
    with _open(path) as file:
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
    ".csv": _csv,
    ".idx": _idx,
    "-ubyte": _idx,
    ".pt": _pt,
}
