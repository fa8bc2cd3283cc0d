"""Losses in a group of processes, which ``torchrun`` starts and ``torch.distributed`` joins."""

from __future__ import annotations

import sys
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


def random_source(generator: torch.Generator | None, weight: Tensor) -> dict[str, Any]:
    """Return what a sampler shall draw from, as its keyword argument.

    Alone, a process hands the generator on. In a group each draws a key from its generator, and
    adds its rank: from one seed of all, streams that have nothing to do with each other. Processes
    that share a weight, each with some of its hidden units, run the same chains: one stream.
    """
    if not is_group():
        return {"generator": generator}
    source = weight.device if generator is None else generator.device
    seed = torch.randint(-(2**63), 2**63 - 1, (1,), generator=generator, device=source)
    key = own_key(torch.cat([seed, seed.new_zeros(1)]), stream=_stream(weight))
    return {"key": key.to(weight.device)}


def own_key(key: Tensor, *, stream: int | None = None) -> Tensor:
    """Return a key [seed, offset] of this process's own, from one that all have."""
    step = _wrapped((rank() if stream is None else stream) * _STRIDE)
    return torch.stack([key[0] + step, key[1]]) if is_group() else key


def _stream(weight: Tensor) -> int:
    """The rank of the first of the processes that share a weight."""
    return rank() if not is_spread(weight) else int(weight.device_mesh.mesh.min())  # type: ignore[attr-defined]


def is_spread(tensor: Tensor) -> bool:
    """Whether several processes have parts of a tensor, or copies that they keep the same."""
    # Slow to import, and loaded where there is such a tensor.
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def own_generator(generator: torch.Generator | None, weight: Tensor) -> torch.Generator | None:
    """Return a generator of this process's own in a group, seeded from the given one."""
    if not is_group():
        return generator
    key = random_source(generator, weight)["key"]
    return torch.Generator(weight.device).manual_seed(int(key[0]))


def mean_of_all(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the means of tensors over the processes of the group.

    Raises:
        ValueError: some of the processes share these tensors, but not all.
    """
    if not is_group():
        return tensors
    if is_spread(tensors[0]):
        if tensors[0].device_mesh.size() < size():  # type: ignore[attr-defined]
            raise ValueError(
                "torch_rbm: expected an RBM that all processes share, or none, where they average "
                f"what they have measured, got one that {tensors[0].device_mesh.size()} of "  # type: ignore[attr-defined]
                f"{size()} share"
            )
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


class LocalChains(nn.Module):
    """What makes a loss's buffers, and those of losses in it, each process's own."""

    @property
    def _ddp_params_and_buffers_to_ignore(self) -> list[str]:
        """What torch.nn.parallel.DistributedDataParallel leaves to each process."""
        return [
            prefix + name
            for prefix, part, _ in losses_with_chains(self)
            for name, _ in part.named_buffers(recurse=False)
        ]


def _wrapped(number: int) -> int:
    """The number modulo 2^64 as an int64."""
    return (number + _WORD // 2) % _WORD - _WORD // 2
