"""Cases from files of the usual formats."""

from __future__ import annotations

import csv
import gzip
import io
import math
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
_EXPECTED = ".npy, .npz, .csv, .idx, .idx.gz, -ubyte, -ubyte.gz or .pt"


def read_cases(path: str | Path, scale: float | None = None) -> Tensor:
    """Read cases, [cases, visible], from a file.

    Args:
        path: ``.npy`` (mapped, not read), ``.npz`` with one array or with a matrix of scipy.sparse,
            ``.csv`` of numbers with or without a header, ``.idx`` and the names of MNIST's files,
            gzipped or not, or ``.pt`` with one tensor.
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
            data = data.float()
    return data if scale is None else data.float() / scale


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


def _csv(path: Path) -> Any:
    with _open(path) as file:
        first = file.readline().decode(errors="replace")
        separator = max(",;\t", key=first.count)
        header = not all(_is_number(word) for word in first.strip().split(separator))
    try:
        with _open(path) as file, warnings.catch_warnings():
            warnings.filterwarnings("error", "loadtxt: input contained no data")
            table = np.loadtxt(
                file, delimiter=separator, skiprows=int(header), ndmin=2, dtype=np.float32
            )
    except UserWarning as error:
        raise ValueError("it has no rows of numbers") from error
    except ValueError as error:
        raise ValueError(_first_fault(path, separator, header) or str(error)) from error
    if not np.isfinite(table).all():
        raise ValueError(_first_fault(path, separator, header) or "some are not finite")
    return table


def _first_fault(path: Path, separator: str, header: bool) -> str | None:
    """The line of a table of numbers that keeps it from being one, in words."""
    with io.TextIOWrapper(_open(path), errors="replace") as file:
        rows = csv.reader(file, delimiter=separator)
        names = next(rows, []) if header else []
        columns = len(names)
        for row in rows:
            if not row:
                continue
            columns = columns or len(row)
            if len(row) != columns:
                return f"line {rows.line_num} has {len(row)} values, the lines before {columns}"
            for column, word in enumerate(row):
                if not _is_finite(word):
                    name = repr(names[column]) if names else column + 1
                    return f"line {rows.line_num} has {word!r} in column {name}, no number"
    return None


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
