"""What processes of a group exchange in an update, and what that makes of 64 machines.

    python benchmarks/communication.py

The bytes that DistributedDataParallel reduces are counted, the step without any exchange is timed,
each machine with a batch of its own. The estimate is that of a ring (Patarasuk and Yuan 2009): of
N machines each sends and receives 2 (N - 1) / N of the bytes in 2 (N - 1) messages. None of it is
hidden behind computation, as all gradients of an RBM are there at the same time.
"""

import argparse
import os
from statistics import median

import torch
import torch.distributed as dist
from timing import seconds
from torch.nn.parallel import DistributedDataParallel

import torch_rbm

CASES = {"784 x 500": (784, 500, 128), "10,000 x 4,000": (10_000, 4_000, 512)}
MACHINES = (2, 4, 8, 16, 32, 64)


# DistributedDataParallel looks at these annotations.
def counted(sizes: list[int], bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """Count the bytes of gradients, and leave them as they are."""
    sizes.append(bucket.buffer().nbytes)
    done = torch.futures.Future[torch.Tensor]()
    done.set_result(bucket.buffer())
    return done


def measure(visible: int, hidden: int, batch: int) -> tuple[int, float]:
    """Bytes that an update reduces, and its seconds but for that."""
    torch.manual_seed(0)
    rbm = torch_rbm.RBM(visible, hidden)
    loss = DistributedDataParallel(
        torch_rbm.PersistentContrastiveDivergence(rbm, chains=batch), bucket_cap_mb=1000
    )
    sizes: list[int] = []
    loss.register_comm_hook(sizes, counted)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=1e-3)
    data = (torch.rand(batch, visible) < 0.13).float()

    def update() -> None:
        optimizer.zero_grad()
        loss(data).backward()
        optimizer.step()

    update()
    sizes.clear()
    update()
    return sum(sizes), median(seconds(update) for _ in range(20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabits", type=float, nargs="+", default=[10.0, 100.0])
    parser.add_argument("--latency", type=float, default=30e-6, help="seconds for a message")
    options = parser.parse_args()
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29501", RANK="0", WORLD_SIZE="1")
    dist.init_process_group("gloo")
    for name, case in CASES.items():
        size, step = measure(*case)
        print(f"{name}, batch and chains {case[2]}: {size / 1e6:.2f} MB, {step * 1e3:.1f} ms")
        for gigabits in options.gigabits:
            shares = []
            for machines in MACHINES:
                exchange = 2 * (machines - 1) / machines * size * 8 / (gigabits * 1e9)
                exchange += 2 * (machines - 1) * options.latency
                shares.append(f"{machines}: {step / (step + exchange):.0%}")
            print(f"  {gigabits:g} Gbit/s, share of the linear speed-up: {', '.join(shares)}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
