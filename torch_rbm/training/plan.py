"""What two trainings must have in common for one to go on where the other was stopped."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

Plan = dict[str, Any]

_LISTED = 4


def plan(
    criterion: nn.Module,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    options: Plan,
) -> Plan:
    """Return the options of a training that has not begun.

    Args:
        criterion: the loss.
        module: what is trained, which a checkpoint describes by itself.
        optimizer: with its groups as they are at first.
        scheduler: as it is at first.
        options: of the training itself, such as the number of epochs.
    """
    result = dict(options)
    trained = set(module.modules())
    for path, part in criterion.named_modules(prefix="loss"):
        if part in trained:
            continue
        result[path] = type(part).__name__
        result |= _numbers(path, vars(part))
        own = itertools.chain(
            part.named_parameters(recurse=False), part.named_buffers(recurse=False)
        )
        result |= {f"shape of {path}.{name}": list(tensor.shape) for name, tensor in own}
    result["optimizer"] = type(optimizer).__name__
    for index, group in enumerate(optimizer.param_groups):
        path = "optimizer" if len(optimizer.param_groups) == 1 else f"optimizer group {index}"
        result |= _numbers(path, group)
    result["scheduler"] = type(scheduler).__name__
    return result | _numbers("scheduler", scheduler.state_dict())


def difference(saved: Plan, wanted: Plan) -> str:
    """Return what a saved plan has otherwise, in words; empty where nothing is."""
    return "; ".join(itertools.islice(_differences(saved, wanted), _LISTED))


def _differences(saved: Plan, wanted: Plan) -> Iterator[str]:
    for name in [*wanted, *(name for name in saved if name not in wanted)]:
        before, now = saved.get(name, "absent"), wanted.get(name, "absent")
        if before != now:
            yield f"{name} {before}, not {now}"


def _numbers(path: str, values: Mapping[str, Any]) -> Plan:
    """The public entries that are single values, or tuples or lists of these."""
    return {
        f"{path}.{name}": list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if not name.startswith("_") and name not in ("training", "params") and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))
