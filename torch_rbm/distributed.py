"""Losses in a group of processes, which ``torchrun`` starts and ``torch.distributed`` joins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

# Odd, and far from any multiple of itself modulo 2^64 (Steele, Lea and Flood 2014).
_STRIDE = 0x9E3779B97F4A7C15
_WORD = 2**64


def rank() -> int:
    """The number of this process in the group, 0 where there is none."""
    return dist.get_rank() if is_group() else 0


def size() -> int:
    """How many processes the group has, 1 where there is none."""
    return dist.get_world_size() if is_group() else 1


def is_group() -> bool:
    """Whether this process is one of several."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def random_source(generator: torch.Generator | None, device: torch.device) -> dict[str, Any]:
    """Return what a sampler shall draw from, as its keyword argument.

    Alone, a process hands the generator on. In a group each draws a key from its generator, and
    adds its rank: from one seed of all, streams that have nothing to do with each other.
    """
    if not is_group():
        return {"generator": generator}
    source = device if generator is None else generator.device
    seed = torch.randint(-(2**63), 2**63 - 1, (1,), generator=generator, device=source)
    return {"key": own_key(torch.cat([seed, seed.new_zeros(1)])).to(device)}


def own_key(key: Tensor) -> Tensor:
    """Return a key [seed, offset] of this process's own, from one that all have."""
    step = _wrapped(rank() * _STRIDE)
    return torch.stack([key[0] + step, key[1]]) if is_group() else key


def own_generator(
    generator: torch.Generator | None, device: torch.device
) -> torch.Generator | None:
    """Return a generator of this process's own in a group, seeded from the given one."""
    if not is_group():
        return generator
    key = random_source(generator, device)["key"]
    return torch.Generator(device).manual_seed(int(key[0]))


def mean_of_all(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the means of tensors over the processes of the group."""
    if not is_group():
        return tensors
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    parts = torch.split(flat / size(), [tensor.numel() for tensor in tensors])
    return tuple(part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True))


def from_first(value: Any, device: torch.device) -> Any:
    """Return what the first process has."""
    if not is_group():
        return value
    values = [value]
    dist.broadcast_object_list(values, device=device)
    return values[0]


def losses_with_chains(module: nn.Module) -> Iterator[tuple[str, nn.Module, dict[str, int] | None]]:
    """Yield the parts of a loss that declare ``chain_dims``: prefix of names, part, and these.

    ``chain_dims`` are a loss's buffers with chains, and the dimension of these, which a group of
    processes may deal out among them; None where chains of different processes cannot be put
    together.
    """
    for name, part in module.named_modules():
        if hasattr(part, "chain_dims"):
            yield f"{name}." if name else "", part, part.chain_dims


class LocalChains:
    """What makes a loss's buffers, and those of losses in it, each process's own."""

    @property
    def _ddp_params_and_buffers_to_ignore(self) -> list[str]:
        """What torch.nn.parallel.DistributedDataParallel leaves to each process."""
        assert isinstance(self, nn.Module)
        return [
            prefix + name
            for prefix, part, _ in losses_with_chains(self)
            for name, _ in part.named_buffers(recurse=False)
        ]


def _wrapped(number: int) -> int:
    """The number modulo 2^64 as an int64."""
    return (number + _WORD // 2) % _WORD - _WORD // 2
