"""What processes that share a weight find: torchrun tensor_parallel_target.py FILE"""

from __future__ import annotations

import functools
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.experimental import implicit_replication
from torch.distributed.tensor.parallel import parallelize_module

import torch_rbm
from tests.operator_samples import overload, samples, tensors
from tests.torchrun import join, leave
from torch_rbm import distributed
from torch_rbm.tensor_parallel import HiddenParallel

VISIBLE, HIDDEN = 12, 8
LOSSES = {
    "CD": torch_rbm.ContrastiveDivergence,
    "CD, centred": functools.partial(torch_rbm.ContrastiveDivergence, steps=2, centered=True),
    "PCD": functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=10),
    "FPCD": functools.partial(torch_rbm.FastPersistentContrastiveDivergence, chains=10),
    "mean field": torch_rbm.MeanFieldContrastiveDivergence,
    "tempering": functools.partial(torch_rbm.ParallelTempering, chains=10, temperatures=3),
    "exact": torch_rbm.ExactLikelihood,
    "exact, centred": functools.partial(torch_rbm.ExactLikelihood, centered=True),
}
UNITS = ["bernoulli", "gaussian", "categorical(3)"]
OF_HIDDEN_UNITS = ("weight", "hidden_bias", "hidden_precision")


def whole(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def operators() -> list[str]:
    """Those with an RBM's weight."""
    return [
        name
        for name in samples()
        if any(argument.name == "weight" for argument in overload(name)._schema.arguments)
        and not name.startswith("ratings")
        and (f"{name}.key" not in samples())
    ]


def called(name: str, mesh: DeviceMesh | None) -> tuple[list[Tensor], list[Tensor | None]]:
    """An operator's results, and gradients of the first, with a whole or a shared weight."""
    given, options = samples(torch.float64)[name][0]
    names = [argument.name for argument in overload(name)._schema.arguments]
    if mesh is not None:
        given = [
            spread(value, mesh, hidden=argument in OF_HIDDEN_UNITS)
            for argument, value in zip(names, given, strict=False)
        ]
    gradients: tuple[Tensor | None, ...] = ()
    # The gradient of moments is that of a formula, with tensors of its own.
    with implicit_replication() if name == "moments" else nullcontext():
        results = tensors(overload(name)(*given, **options))
        if results[0].requires_grad:
            leaves = [value for value in given if isinstance(value, Tensor) and value.requires_grad]
            total = whole(results[0]).square().sum()
            gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    return [whole(value.detach()) for value in results], [
        None if value is None else whole(value) for value in gradients
    ]


def spread(value: object, mesh: DeviceMesh, *, hidden: bool) -> object:
    if not isinstance(value, Tensor):
        return value
    placement = Shard(0) if hidden else Replicate()
    result = distribute_tensor(value.detach(), mesh, [placement])
    return result.requires_grad_(value.requires_grad)


def trained(name: str, units: str, mesh: DeviceMesh | None) -> dict[str, object]:
    """Losses of some updates, and the parameters after them."""
    torch.manual_seed(1)
    rbm = torch_rbm.RBM(VISIBLE, HIDDEN, visible_units=units)
    nn.init.normal_(rbm.weight, std=0.5)
    loss = LOSSES[name](rbm)
    if mesh is not None:
        parallelize_module(loss, mesh, HiddenParallel())
    optimizer = torch.optim.Adam(rbm.parameters(), lr=0.01)
    data = torch.eye(3)[torch.arange(64) % 3].reshape(16, VISIBLE)
    values = []
    for _ in range(5):
        optimizer.zero_grad()
        value = loss(data)
        value.backward()
        optimizer.step()
        values.append(value.item())
    return {
        "losses": values,
        "parameters": {key: whole(value.detach()) for key, value in rbm.named_parameters()},
        "own_units": len(rbm.weight if mesh is None else rbm.weight.to_local()),
    }


def features(mesh: DeviceMesh) -> list[Tensor]:
    """What an RBM returns where it is a layer, whole and shared."""
    torch.manual_seed(1)
    rbm = torch_rbm.RBM(VISIBLE, HIDDEN)
    data = torch.rand(5, VISIBLE)
    whole_result = rbm(data)
    return [whole_result, parallelize_module(rbm, mesh, HiddenParallel())(data)]


def main() -> None:
    join()
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    # What one process would find, which draws from the stream of the first.
    with mock.patch.object(distributed, "rank", return_value=0):
        alone = {(name, units): trained(name, units, None) for name in LOSSES for units in UNITS}
    shared = {(name, units): trained(name, units, mesh) for name in LOSSES for units in UNITS}
    found = {
        "operators": {name: (called(name, None), called(name, mesh)) for name in operators()},
        "features": features(mesh),
        "alone": alone,
        "shared": shared,
    }
    if dist.get_rank() == 0:
        torch.save(found, Path(sys.argv[1]))
    leave()


if __name__ == "__main__":
    main()
