"""The processes that train one module together: torch.distributed's, or this one alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from torch_rbm import distributed


class Group:
    """What the processes of a training do together.

    Every process computes the gradient of its share of a batch with its share of the chains, the
    means of these are what all step by, and so all have the same parameters. Alone, a process has
    everything.

    Args:
        where: the caller's name, for messages.
        criterion: the loss, the same in all processes; of its chains a share is left to each.
        device: of the module that is trained.

    Raises:
        ValueError: there are fewer chains than processes.
    """

    def __init__(self, where: str, criterion: nn.Module, device: torch.device) -> None:
        self._where = where
        self._criterion = criterion
        self._device = device
        self.rank = distributed.rank()
        self.size = distributed.size()
        if self.size > 1:
            for name, dim in self._chains().items():
                self._set(name, self._share(criterion.get_buffer(name), dim))
        self.loss: nn.Module = criterion if self.size == 1 else DistributedDataParallel(criterion)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and shows progress."""
        return self.rank == 0

    def any(self, *flags: bool) -> list[bool]:
        """Return, for each flag, whether it is set in any process."""
        if self.size == 1:
            return list(flags)
        tensor = torch.tensor(flags, dtype=torch.int32, device=self._device)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return [bool(flag) for flag in tensor.tolist()]

    def mean(self, value: float) -> float:
        """Return the mean of a number over the processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=self._device)
        return float(distributed.mean_of_all(tensor)[0])

    def from_first(self, value: Any) -> Any:
        """Return what the first process has."""
        return distributed.from_first(value, self._device)

    def gathered(self, value: Any) -> list[Any]:
        """Return what each process has, by its number."""
        values: list[Any] = [value]
        if self.size > 1:
            values = [None] * self.size
            dist.all_gather_object(values, value)
        return values

    def own_state(self, states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Return this process's part of what the processes of a group, of any size, had.

        Chains are dealt out anew; of all else each takes what the first had.

        Raises:
            ValueError: the loss cannot be dealt out to another number of processes.
        """
        if len(states) == self.size:
            return states[self.rank]
        if any(dims is None for _, _, dims in distributed.losses_with_chains(self._criterion)):
            raise ValueError(
                f"{self._where}: expected {len(states)} processes, as the checkpoint of a "
                f"{type(self._criterion).__name__} is of, got {self.size}"
            )
        own = dict(states[0])
        for name, dim in self._chains().items():
            whole = torch.cat([state[name] for state in states], dim)
            own[name] = self._share(whole, dim)
            self._set(name, own[name])
        return own

    def chain_shapes(self) -> dict[str, list[int]]:
        """Return the shapes that the chains of all processes have together, by name."""
        shapes = {}
        for name, dim in self._chains().items():
            shape = list(self._criterion.get_buffer(name).shape)
            shape[dim] = sum(self.gathered(shape[dim]))
            shapes[name] = shape
        return shapes

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Say in plain words that another process is gone."""
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not _is_connection(error):
                raise
            raise RuntimeError(
                f"{self._where}: another process of the group has ended; the same call goes on "
                "from the last checkpoint, with as many processes as there then are"
            ) from error

    def _chains(self) -> dict[str, int]:
        return {
            prefix + name: dim
            for prefix, _, dims in distributed.losses_with_chains(self._criterion)
            for name, dim in (dims or {}).items()
        }

    def _share(self, chains: Tensor, dim: int) -> Tensor:
        if chains.shape[dim] < self.size:
            raise ValueError(
                f"{self._where}: expected at least {self.size} chains, one for each process, got "
                f"{chains.shape[dim]}"
            )
        return chains.tensor_split(self.size, dim)[self.rank].clone()

    def _set(self, name: str, value: Tensor) -> None:
        path, _, last = name.rpartition(".")
        setattr(self._criterion.get_submodule(path), last, value)


def _is_connection(error: RuntimeError) -> bool:
    """Whether an error is of a transport between processes."""
    words = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
    return isinstance(error, dist.DistError) or any(word in str(error) for word in words)
