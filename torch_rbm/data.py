"""Batches from whatever holds the data: a tensor, a Dataset or a DataLoader."""

from __future__ import annotations

import functools
import itertools
import zlib
from collections.abc import Iterator
from typing import Any, Union

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from torch_rbm import distributed
from torch_rbm.sparse import as_cases, as_tensor, is_csr, select_rows
from torch_rbm.validation import check_count, words

Data = Union[Tensor, "Dataset[Any]", "DataLoader[Any]"]

# Where the caller does not say, a batch is so large, or this share of the cases where they are few.
_BATCH_SIZE = 100
_SMALLEST_BATCH_SIZE = 10
_SHARE = 100
_CHECKED = 1_000_000


class Batches:
    """Batches of cases, and what goes beside them, one pass per iteration.

    A tensor, a NumPy array, a sparse matrix and a Dataset are shuffled anew in every pass; a
    DataLoader is taken as it is. In a group of processes (torch.distributed) each has a share of
    every batch, which the first one's generator shuffles, or what a DataLoader yields to it. Where
    an item is a tuple or list, such as (image, label), its first element is the case. Cases are
    moved to ``like``'s device and, where floating-point, to its dtype. Batches of a CSR tensor or a
    matrix of scipy.sparse are CSR.

    Args:
        where: the caller's name, for messages.
        data: a tensor, strided or CSR, or a NumPy array [cases, ...], a matrix of scipy.sparse, a
            Dataset or a DataLoader.
        batch_size: rows of a batch; a DataLoader keeps its own. When None 100, or where there are
            fewer than 10,000 cases a hundredth of them, but 10 at least.
        like: a tensor of the device and dtype that batches shall have.
        generator: shuffles; the default generator when None.
        beside: what goes with each case, such as its label: a tensor [cases, ...], for data that
            are one tensor; or True for the second elements of the items of a Dataset or a
            DataLoader.
        name: what ``beside`` is called in messages.
        flatten: make every batch [batch, visible].

    Raises:
        TypeError: ``data`` is none of these.
        ValueError: it is empty, or ``batch_size`` is not positive.
    """

    def __init__(
        self,
        where: str,
        data: Data,
        batch_size: int | None,
        like: Tensor,
        generator: torch.Generator | None = None,
        beside: Tensor | bool | None = None,
        *,
        name: str = "labels",
        flatten: bool = True,
    ) -> None:
        if batch_size is not None:
            batch_size = check_count(where, "batch_size", batch_size, 1)
        if isinstance(data, Tensor) and data.dim() < 2:
            raise ValueError(f"{where}: expected data [cases, visible], got {list(data.shape)}")
        if not isinstance(data, Tensor):  # of which whole numbers may be numbers of something
            data = as_cases(data)
        is_indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
        if isinstance(data, list) and data and isinstance(data[0], (int, float, list)):
            raise TypeError(
                f"{where}: expected data to be a tensor, a NumPy array, a Dataset or a DataLoader, "
                "got a list of numbers; torch.tensor(data) makes a tensor"
            )
        if not isinstance(data, (Tensor, DataLoader)) and (not is_indexed or isinstance(data, str)):
            raise TypeError(
                f"{where}: expected data to be a tensor, a NumPy array, a Dataset or a DataLoader, "
                f"got {words(data)}"
            )
        self._where = where
        self._like = like
        # Shuffling happens on the CPU, wherever the given generator lives.
        device = "cpu" if generator is None else generator.device
        seed = torch.randint(2**63 - 1, (), generator=generator, device=device)
        seed = distributed.from_first(int(seed), like.device)
        self._shuffle = torch.Generator().manual_seed(seed)
        processes = distributed.size()
        if batch_size is None:
            batch_size = max(_default_batch_size(data), processes)
        if batch_size < processes:
            raise ValueError(
                f"{where}: expected batch_size >= {processes}, the number of processes, got "
                f"{batch_size}"
            )
        self._batch_size = batch_size
        if isinstance(data, (Tensor, DataLoader)):
            self._source: Tensor | DataLoader[Any] = data
        elif processes == 1:
            self._source = DataLoader(data, batch_size, shuffle=True, generator=self._shuffle)
        else:
            cases: int = len(data)  # type: ignore[arg-type]
            order = _Order(cases, batch_size, self._shuffle)
            self._source = DataLoader(data, batch_sampler=_Lists(order))
        self._name = name
        self._flatten = flatten
        self._beside: Tensor | bool = False if beside is None else beside
        if isinstance(beside, Tensor):
            if not isinstance(self._source, Tensor):
                raise TypeError(
                    f"{where}: expected data in one tensor with {name} in another, got "
                    f"{words(data)}"
                )
            if beside.dim() < 1 or len(beside) != len(self._source):
                raise ValueError(
                    f"{where}: expected {name} of {len(self._source)} cases, got "
                    f"{list(beside.shape)}"
                )
        elif beside and isinstance(self._source, Tensor):
            raise TypeError(f"{where}: expected {name} in a tensor, as the data are, got {beside}")
        # Where a pass begins: the state of the generator that shuffles, and batches to leave out.
        self.pass_state = self._shuffle.get_state()
        self._skip = 0
        if len(self) == 0:
            raise ValueError(f"{where}: expected data with at least one case, got none")

    def __len__(self) -> int:
        """Return the number of batches in a pass."""
        return len(self._order() if isinstance(self._source, Tensor) else self._source)

    @functools.cached_property
    def checksum(self) -> int | None:
        """A checksum of the cases where they are in a tensor, to know them again."""
        return checksum(self._source) if isinstance(self._source, Tensor) else None

    def start_at(self, pass_state: Tensor, position: int) -> None:
        """Let the next pass be the one that began in ``pass_state``, from a batch on.

        A DataLoader of the caller's own is taken as it comes: where it shuffles by a generator of
        its own, the rest of that pass has other batches.
        """
        self._shuffle.set_state(pass_state)
        self._skip = position

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Make one pass over the data: batches, and what goes beside them."""
        self.pass_state = self._shuffle.get_state()
        skip, self._skip = self._skip, 0
        if isinstance(self._source, Tensor):
            for rows in itertools.islice(self._order(), skip, None):
                beside = self._beside
                if isinstance(beside, Tensor):
                    yield (
                        self._case(select_rows(self._source, rows)),
                        self._other(beside[rows.to(beside.device)]),
                    )
                else:
                    yield self._case(select_rows(self._source, rows)), None
        else:
            for item in itertools.islice(self._source, skip, None):
                pair = isinstance(item, (tuple, list))
                other = None
                if self._beside:
                    if not pair or len(item) < 2:
                        raise TypeError(
                            f"{self._where}: expected batches (data, {self._name}), got "
                            f"{words(item)}"
                        )
                    other = self._other(item[1])
                yield self._case(item[0] if pair else item), other

    def _order(self) -> _Order:
        return _Order(len(self._source), self._batch_size, self._shuffle)

    def _other(self, beside: Any) -> Tensor:
        """Return what goes beside the cases, on the device and, if real, in the dtype of these."""
        if not isinstance(beside, Tensor):
            raise TypeError(
                f"{self._where}: expected {self._name} to be tensors, got {type(beside).__name__}"
            )
        dtype = self._like.dtype if beside.is_floating_point() else beside.dtype
        return beside.to(self._like.device, dtype)

    def _case(self, batch: Any) -> Tensor:
        if not isinstance(batch, Tensor):
            raise TypeError(
                f"{self._where}: expected batches of tensors, got {type(batch).__name__}"
            )
        if batch.dim() < 2:
            raise ValueError(
                f"{self._where}: expected batches [batch, visible], got {list(batch.shape)}"
            )
        dtype = self._like.dtype if batch.is_floating_point() else batch.dtype
        rows = batch if is_csr(batch) or not self._flatten else batch.flatten(1)
        return rows.to(self._like.device, dtype)


def checksum(cases: Tensor) -> int:
    """A checksum of rows from all over a tensor, strided or CSR: of a million numbers at most."""
    count = min(len(cases), max(_CHECKED // max(cases[0].numel(), 1), 1)) if len(cases) else 0
    rows = torch.linspace(0, len(cases) - 1, count).long()
    picked = select_rows(cases, rows)
    parts = [picked.col_indices(), picked.values()] if is_csr(picked) else [picked]
    result = 0
    for part in parts:
        contents = part.detach().cpu().contiguous().view(-1).view(torch.uint8)
        result = zlib.crc32(contents.numpy().tobytes(), result)
    return result


def _default_batch_size(data: Data) -> int:
    """Updates are what counts: few cases want small batches."""
    if isinstance(data, DataLoader):
        return _BATCH_SIZE
    cases: int = len(data)  # type: ignore[arg-type]
    return min(max(cases // _SHARE, _SMALLEST_BATCH_SIZE), _BATCH_SIZE)


class _Order:
    """The numbers of the cases in each batch of a pass, this process's share of them.

    All processes of a group have shares of the same size: up to so many cases as there are
    processes less one are left out of a batch that cannot be divided.
    """

    def __init__(self, cases: int, batch_size: int, shuffle: torch.Generator) -> None:
        self._cases = cases
        self._batch_size = batch_size
        self._shuffle = shuffle

    def __len__(self) -> int:
        whole, rest = divmod(self._cases, self._batch_size)
        return whole + (rest >= distributed.size())

    def __iter__(self) -> Iterator[Tensor]:
        rank, size = distributed.rank(), distributed.size()
        order = torch.randperm(self._cases, generator=self._shuffle)
        for batch in torch.split(order, self._batch_size):
            share = len(batch) // size
            if share > 0:
                yield batch[rank * share : (rank + 1) * share]


class _Lists:
    """The same numbers as a DataLoader takes them."""

    def __init__(self, order: _Order) -> None:
        self._batches = order

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        return (batch.tolist() for batch in self._batches)


def encode_categories(codes: Tensor, states: int) -> tuple[Tensor, Tensor]:
    """One-hot states of categorical units from their codes.

    Args:
        codes: a tensor or NumPy array of integers from 0 to ``states - 1``, or -1 for a missing
            value, [..., units].
        states: states of each unit.

    Returns:
        The states, float32 [..., units * states], all 0 where missing, and a mask of the same shape
        that tells which were observed.

    Raises:
        TypeError: ``codes`` is no tensor of integers.
        ValueError: a code is out of range; the message gives the first position.
    """
    where = "encode_categories"
    codes = as_tensor(codes)
    states = check_count(where, "states", states, 1)
    if not isinstance(codes, Tensor) or codes.is_floating_point() or codes.dtype == torch.bool:
        raise TypeError(f"{where}: expected codes to be a tensor of integers, got {words(codes)}")
    wrong = (codes < -1) | (codes >= states)
    if wrong.any():
        position = [int(i) for i in wrong.nonzero()[0]]
        raise ValueError(
            f"{where}: expected codes from 0 to {states - 1}, or -1 for a missing value, got "
            f"{int(codes[tuple(position)])} at position {position}"
        )
    one_hot = codes.unsqueeze(-1) == torch.arange(states, device=codes.device)
    observed = (codes >= 0).unsqueeze(-1).expand_as(one_hot)
    return one_hot.flatten(-2).float(), observed.flatten(-2)


def decode_categories(one_hot: Tensor, states: int) -> Tensor:
    """Codes of categorical units, int64 [..., units], from states or probabilities.

    The most probable state of each unit; -1 where all of its elements are 0.
    """
    by_unit = one_hot.unflatten(-1, (-1, states))  # type: ignore[no-untyped-call]
    value, code = by_unit.max(-1)
    return torch.where(value > 0, code, -1)
