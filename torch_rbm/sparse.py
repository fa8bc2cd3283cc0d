"""Matrices in compressed sparse row layout: what PyTorch does not do with them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Sums of so many numbers in [0, 1] keep seven digits in float32.
_EXACT_ROWS = 1024


def is_csr(data: Any) -> bool:
    """Whether ``data`` is a tensor of layout ``torch.sparse_csr``."""
    return isinstance(data, Tensor) and data.layout == torch.sparse_csr


def is_scipy(data: Any) -> bool:
    """Whether ``data`` is a matrix or array of scipy.sparse, of any layout."""
    return hasattr(data, "tocsr") and hasattr(data, "nnz")


def from_scipy(data: Any) -> Tensor:
    """Return a scipy.sparse matrix as a CSR tensor that shares its memory where it can."""
    matrix = data.tocsr()
    matrix.sum_duplicates()
    return csr_tensor(
        torch.from_numpy(matrix.indptr),
        torch.from_numpy(matrix.indices),
        torch.from_numpy(matrix.data),
        matrix.shape[1],
    )


def as_tensor(data: Any) -> Any:
    """Return arrays, data frames and scipy.sparse matrices as tensors, everything else as it is."""
    if is_scipy(data):
        return from_scipy(data)
    if hasattr(data, "to_numpy"):
        data = data.to_numpy(copy=True)  # what a frame gives may not be written to
    if not isinstance(data, np.ndarray):
        return data
    if data.dtype.kind in "OSU":  # of a frame, columns of different kinds
        try:
            data = data.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"expected numbers in an array or data frame: {error}") from None
    return torch.as_tensor(data)


def as_cases(data: Any) -> Any:
    """Like :func:`as_tensor`; whole numbers, which tables of answers have, become real ones."""
    cases = as_tensor(data)
    if not isinstance(cases, Tensor) or cases.is_floating_point():
        return cases
    return cases if cases.dtype in (torch.bool, torch.uint8) else in_single_if_exact(cases)


def in_single_if_exact(numbers: Tensor) -> Tensor:
    """Return numbers, dense or CSR, as float32 where that is what they are, else as float64."""
    single = numbers.float()
    exact, rounded = (x.values() if is_csr(x) else x for x in (numbers, single))
    # Compared as they came: PyTorch would compare int64 and float32 numbers as float32.
    same = rounded.to(exact.dtype) == exact
    return single if (same | exact.isnan()).all() else numbers.double()


def select_rows(data: Tensor, rows: Tensor) -> Tensor:
    """Return ``data[rows]`` for int64 ``rows``, dense or CSR as ``data``."""
    if not is_csr(data):
        return data[rows.to(data.device)]
    bounds, places = row_places(data.crow_indices(), rows)
    return csr_tensor(bounds, data.col_indices()[places], data.values()[places], data.shape[1])


def row_places(starts: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Where the elements of some rows are, and where each of these rows begins among them.

    Args:
        starts: row i has the elements number ``starts[i]`` to ``starts[i + 1]``.
        rows: int64 [rows]; a row may be there more than once.

    Returns:
        The new starts, int64 [rows + 1], and the numbers of the elements, int64 [elements].
    """
    first = starts[rows].long()
    counts = starts[rows + 1].long() - first
    bounds = starts_of(counts)
    # Element i of the result is element i - bounds[row] + first[row] of the data.
    places = torch.repeat_interleave(first - bounds[:-1], counts)
    places += torch.arange(len(places), device=places.device)
    return bounds, places


def starts_of(counts: Tensor) -> Tensor:
    """Where each of rows with so many elements begins, and where the last ends, [rows + 1]."""
    return nn.functional.pad(counts.cumsum(0), (1, 0))


def split_rows(data: Tensor, size: int) -> Iterator[Tensor]:
    """Yield the rows of ``data``, dense or CSR, so many at a time."""
    if not is_csr(data):
        yield from torch.split(data, size)
        return
    for first in range(0, len(data), size):
        yield select_rows(data, torch.arange(first, min(first + size, len(data))))


def column_sums(data: Tensor) -> Tensor:
    """Sums over the rows of a dense or CSR matrix, float64 [columns]."""
    if not is_csr(data):
        return _block_sums(data)
    weights = data.values().double()
    return torch.bincount(data.col_indices().long(), weights, data.shape[1])


def _block_sums(data: Tensor) -> Tensor:
    """Sums of float32 rows a few at a time, which is many times faster than in float64."""
    dtype = torch.float64 if data.dtype == torch.float64 else torch.float32
    total = torch.zeros(data.shape[1], dtype=torch.float64, device=data.device)
    for block in torch.split(data, _EXACT_ROWS):  # a mapped file may be larger than the memory
        total = total + block.to(dtype).sum(0)
    return total


def csr_tensor(starts: Tensor, columns: Tensor, values: Tensor, width: int) -> Tensor:
    """Return a matrix in compressed sparse row layout, [rows, width].

    Args:
        starts: row i has the elements number ``starts[i]`` to ``starts[i + 1]``.
        columns: of each element.
        values: of each element.
        width: number of columns.
    """
    with warnings.catch_warnings():
        # "Sparse CSR tensor support is in beta state."
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            starts, columns, values, (len(starts) - 1, width), check_invariants=False
        )
