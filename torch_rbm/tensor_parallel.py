"""RBMs whose hidden units are spread over processes, for weights too large for one device.

Import this module, and torch_rbm's operators take :class:`torch.distributed.tensor.DTensor`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ParallelStyle

from torch_rbm.distributed import losses_with_chains
from torch_rbm.ratings.rbm import RatingsRBM
from torch_rbm.validation import words

# Of parameters, and of buffers that go with them: what has a row for each hidden unit.
_OF_HIDDEN_UNITS = ("weight", "hidden")


class HiddenParallel(ParallelStyle):
    """Gives each process a share of the hidden units of every RBM in a module, or in a loss.

    To be used with :func:`torch.distributed.tensor.parallel.parallelize_module`, in processes that
    ``torchrun`` started and that have the same seed::

        mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (4,))
        loss = torch_rbm.PersistentContrastiveDivergence(torch_rbm.RBM(784, 100_000))
        parallelize_module(loss, mesh, HiddenParallel())
        optimizer = torch.optim.Adam(loss.parameters())
        loss(batch).backward()

    ``weight`` and ``hidden_bias`` become DTensors with rows in different processes; visible biases
    and chains are in all of them. Every process is called with the same batch, and gets the same
    loss and the same samples, which are those of a single process from the same key. A Gibbs step
    sums up the fields of the visible units over the processes, and that is all they exchange.

    A batch goes in as a tensor through ``forward`` of the module; methods such as ``free_energy``
    take one, too, where no gradient is asked for, and otherwise a DTensor.

    Args:
        gather: return whole tensors from ``forward``, such as features of all hidden units; else
            DTensors.

    Raises:
        TypeError: the module has no RBM, or one of ratings, or is a loss that decides by single
            states of its chains, :class:`torch_rbm.TrajectoryTempering`.
        ValueError: the number of hidden units is not a multiple of that of processes.
    """

    def __init__(self, *, gather: bool = True) -> None:
        super().__init__()
        self.gather = gather

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        parts = [part for part in module.modules() if hasattr(part, "hidden_bias")]
        if not parts:
            raise TypeError(f"HiddenParallel: expected a module with an RBM, got {words(module)}")
        for part in parts:
            if isinstance(part, RatingsRBM):
                raise TypeError(
                    "HiddenParallel: expected RBMs with a row of weights for each hidden unit, "
                    f"got {words(part)}"
                )
        for _, part, chain_dims in losses_with_chains(module):
            if chain_dims is None:
                raise TypeError(
                    f"HiddenParallel: expected a loss whose chains processes can share, got "
                    f"{words(part)}"
                )
        processes = device_mesh.size()
        for part in parts:
            units = part.get_parameter("hidden_bias").numel()
            if units % processes != 0:
                raise ValueError(
                    f"HiddenParallel: expected hidden units that {processes} processes can share "
                    f"evenly, got {units}"
                )
        for part in module.modules():
            for name, parameter in list(part.named_parameters(recurse=False)):
                if part in parts:
                    spread = distribute_tensor(parameter.data, device_mesh, _placements(name))
                    setattr(part, name, nn.Parameter(spread, parameter.requires_grad))
            for name, buffer in list(part.named_buffers(recurse=False)):
                setattr(part, name, distribute_tensor(buffer, device_mesh, _placements(name)))

        scopes = ExitStack()

        def enter(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            scopes.enter_context(_constants_replicated())
            return tuple(_replicated(value, device_mesh) for value in inputs)

        def leave(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
            scopes.close()
            return output.full_tensor() if self.gather and isinstance(output, DTensor) else output

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave, always_call=True)
        return module


def _placements(name: str) -> list[Placement]:
    hidden = any(part in name for part in _OF_HIDDEN_UNITS)
    return [Shard(0) if hidden else Replicate()]


def _replicated(value: Any, mesh: DeviceMesh) -> Any:
    """A tensor that all processes have, as a DTensor."""
    if not isinstance(value, Tensor) or isinstance(value, DTensor):
        return value
    return DTensor.from_local(value, mesh, [Replicate()], run_check=False)


def _rule(_: type, operator: Any, __: Any, args: Any = (), kwargs: Any = None) -> Any:
    """An operator by its ATen formula, whose parts PyTorch knows how to spread."""
    kwargs = kwargs or {}
    meshes = [
        value.device_mesh for value in (*args, *kwargs.values()) if isinstance(value, DTensor)
    ]
    spread = [_replicated(value, meshes[0]) for value in args]
    options = {name: _replicated(value, meshes[0]) for name, value in kwargs.items()}
    with _constants_replicated():
        return operator._op_dk(
            torch._C.DispatchKey.CompositeExplicitAutograd,
            *spread,
            **options,
        )


@contextmanager
def _constants_replicated() -> Iterator[None]:
    """Take tensors that a formula makes, such as random numbers, for ones that all processes have.

    torch.distributed.tensor.experimental.implicit_replication is the same, but does not nest.
    """
    dispatcher = DTensor._op_dispatcher
    before = dispatcher._allow_implicit_replication
    dispatcher._allow_implicit_replication = True
    try:
        yield
    finally:
        dispatcher._allow_implicit_replication = before


def _operators() -> Iterator[str]:
    """Names of our operators that have a formula, but for those of ratings.

    Their formulas index parameters by ratings, which PyTorch knows no rules for.
    """
    for name in torch._C._dispatch_get_all_op_names():
        if (
            name.startswith("torch_rbm::")
            and not name.startswith("torch_rbm::ratings_")
            and torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeExplicitAutograd")
        ):
            yield name


for _name in _operators():
    torch.library.register_torch_dispatch(_name, DTensor, _rule)
