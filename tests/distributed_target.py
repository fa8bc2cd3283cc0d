"""What the processes of a group do: torchrun distributed_target.py TASK FOLDER [EPOCHS [DEATH]]"""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import torch_rbm
from tests.torchrun import join, leave

VISIBLE, HIDDEN, ROWS, CHAINS = 12, 8, 16, 10
LOSSES = {
    "CD": torch_rbm.ContrastiveDivergence,
    "CD, centred": functools.partial(torch_rbm.ContrastiveDivergence, steps=2, centered=True),
    "PCD": functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=CHAINS),
    "PCD, centred": functools.partial(
        torch_rbm.PersistentContrastiveDivergence, chains=CHAINS, centered=True
    ),
    "FPCD": functools.partial(torch_rbm.FastPersistentContrastiveDivergence, chains=CHAINS),
    "tempering": functools.partial(torch_rbm.ParallelTempering, chains=CHAINS, temperatures=3),
    "trajectory": functools.partial(torch_rbm.TrajectoryTempering, chains=200),
}
WRAPPERS = {
    "DDP": DistributedDataParallel,
    "FSDP2": lambda loss: fully_shard(loss, mesh=init_device_mesh("cpu", (dist.get_world_size(),))),
}


def whole_batch() -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return (torch.rand(ROWS, VISIBLE, generator=generator) < 0.3).float()


def full(tensor: torch.Tensor) -> torch.Tensor:
    """A parameter or gradient that is spread over the processes, as one tensor."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def gathered(value: object) -> list:
    """What each process has, by rank."""
    every: list = [None] * dist.get_world_size()
    dist.all_gather_object(every, value)
    return every


def one_update(name: str, wrapper: str) -> dict[str, object]:
    """The gradient of a group, the chains that it came from, and what it was taken at."""
    torch.manual_seed(1)
    rbm = torch_rbm.RBM(VISIBLE, HIDDEN)
    nn.init.normal_(rbm.weight, std=0.5)
    loss = LOSSES[name](rbm)
    size, rank = dist.get_world_size(), dist.get_rank()
    parameters = {key: value.detach().clone() for key, value in rbm.state_dict().items()}
    starts_at_data = type(loss) is torch_rbm.ContrastiveDivergence
    wrapped = WRAPPERS[wrapper](loss)
    batch = whole_batch()[rank::size]
    chains = []
    # CD keeps no chain: this is what its call is about to draw.
    if starts_at_data:
        twin = LOSSES[name](torch_rbm.RBM(VISIBLE, HIDDEN))
        twin.rbm.load_state_dict(parameters)
        state = torch.get_rng_state()
        chains = gathered(twin.estimate(batch).chain)
        torch.set_rng_state(state)
    wrapped(batch).backward()
    if not chains:
        last = loss.chain[-1] if loss.chain.dim() == 3 else loss.chain
        chains = gathered(last.clone())
    centering = loss.centering
    return {
        "parameters": parameters,
        "gradients": {key: full(value.grad) for key, value in rbm.named_parameters()},
        "chains": chains,
        "offsets": gathered(
            None if centering is None else [value.clone() for value in centering.buffers()]
        ),
    }


def gradients(folder: Path) -> None:
    results = {
        f"{wrapper}, {name}": one_update(name, wrapper) for wrapper in WRAPPERS for name in LOSSES
    }
    if dist.get_rank() == 0:
        torch.save(results, folder / "gradients.pt")


class Died(torch_rbm.Callback):
    """The last process is killed after so many epochs."""

    def on_epoch(self, module: nn.Module, epoch: torch_rbm.Epoch) -> None:
        if epoch.epoch == int(sys.argv[4]) and dist.get_rank() == dist.get_world_size() - 1:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, *callbacks: torch_rbm.Callback) -> None:
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)
    prototypes = torch.rand(4, VISIBLE, generator=generator).round()
    flips = torch.rand(400, VISIBLE, generator=generator) < 0.05
    data = (prototypes[torch.arange(400) % 4] - flips.float()).abs()
    rbm = torch_rbm.RBM(VISIBLE, HIDDEN)
    history = torch_rbm.fit(
        rbm,
        data,
        epochs=int(sys.argv[3]),
        batch_size=40,
        loss=functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=64, centered=True),
        checkpoint=folder / "checkpoint.pt",
        checkpoint_seconds=0,
        callbacks=callbacks,
        progress=False,
    )
    parameters = {name: value.clone() for name, value in rbm.state_dict().items()}
    every = gathered(parameters)
    if dist.get_rank() == 0:
        likelihood = torch_rbm.log_likelihood(rbm, data).value
        result = {
            "parameters": every,
            "likelihood": likelihood,
            "losses": [epoch.loss for epoch in history.epochs],
        }
        torch.save(result, folder / "result.pt")


def main() -> None:
    task, folder = sys.argv[1], Path(sys.argv[2])
    join()
    tasks = {"gradients": gradients, "train": train, "die": lambda path: train(path, Died())}
    tasks[task](folder)
    leave()


if __name__ == "__main__":
    main()
