"""Tables of numbers to files of the usual formats."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from torch import Tensor

from torch_rbm.files import write_atomically


def _npy(table: Tensor, file: IO[bytes]) -> None:
    np.save(file, table.numpy())


def _csv(table: Tensor, file: IO[bytes]) -> None:
    # Nine digits are what it takes to read the same float32 again.
    np.savetxt(file, table.numpy(), fmt="%.9g", delimiter=",")


_WRITERS: dict[str, Callable[[Tensor, IO[bytes]], None]] = {".npy": _npy, ".csv": _csv}
TABLES = tuple(_WRITERS)


def write_table(table: Tensor, path: str | Path) -> None:
    """Write numbers, [rows, columns], as float32, in the format that the file is named after.

    What is there already is replaced, whole or not at all.

    Args:
        table: the numbers.
        path: the file; its name ends in one of ``TABLES``.
    """
    write_atomically(path, partial(_WRITERS[Path(path).suffix], table.float()))
