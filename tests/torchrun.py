"""Programs in several processes: how tests start them, and how these end."""

import os
import subprocess
import sys
from pathlib import Path

import torch
import torch.distributed as dist


def torchrun(target: Path, processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a Python program in so many processes of a group."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(processes), str(target), *map(str, arguments)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(target.parents[1])},
    )


def join() -> None:
    """Make this process one of the group."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")


def leave() -> None:
    """End this process, when all of the group are as far."""
    dist.barrier()
    dist.destroy_process_group()
    # Threads of gloo that let go of a tensor while the interpreter shuts down abort the process
    # (pytorch/pytorch pull request 179291): what is tested has ended here.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
