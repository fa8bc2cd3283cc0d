"""Long runs and rough company: memory, threads, forks, full disks."""

import gc
import multiprocessing
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import torch_rbm
from tests.operator_samples import overload, samples, tensors

ROOT = Path(__file__).parents[1]
NAMES = [name for name in samples() if f"{name}.key" not in samples()]


def called(name):
    arguments, options = samples()[name][0]
    return tensors(overload(name)(*arguments, **options))


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def growth(name, calls):
    """How much memory the process has more after so many calls than after a tenth of them."""
    arguments, options = samples()[name][0]
    operator = overload(name)
    for _ in range(calls // 10):
        operator(*arguments, **options)
    gc.collect()
    before = resident_bytes()
    for _ in range(calls):
        operator(*arguments, **options)
    gc.collect()
    return resident_bytes() - before


# A tensor of these sizes is 24 bytes or more: a call that kept one would show.
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", NAMES)
def test_memory_is_flat(name):
    assert growth(name, 20_000) < 400_000


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", NAMES)
def test_memory_is_flat_over_many_calls(name):
    assert growth(name, 100_000) < 2_000_000


def test_many_threads_find_what_one_does():
    """All operators at once, from eight threads, each with a key or without random numbers."""
    names = [name for name in NAMES if "key" in str(overload(name)._schema) or name == "cumulant"]
    names += [name for name in NAMES if "Generator" not in str(overload(name)._schema)]
    alone = {name: called(name) for name in names}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: (name, called(name)), names * 50))
    for name, results in found:
        for result, expected in zip(results, alone[name], strict=True):
            assert torch.equal(result.nan_to_num(), expected.nan_to_num()), name


def test_threads_that_share_the_default_generator_do_not_draw_the_same():
    rbm = torch_rbm.RBM(64, 4)
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: rbm.sample_visible(torch.zeros(1, 4)), range(200)))
    assert len({tuple(states.flatten().tolist()) for states in drawn}) == 200


class Sampled(Dataset):
    """Cases that workers draw from an RBM."""

    def __init__(self):
        self.rbm = torch_rbm.RBM(200, 100)

    def __len__(self):
        return 64

    def __getitem__(self, index):
        with torch.no_grad():
            generator = torch.Generator().manual_seed(index)
            states, _ = self.rbm.gibbs(torch.zeros(70, 200), 3, generator=generator)
        return states[0]


def test_workers_of_a_data_loader():
    """Forked after the operators have started their threads here."""
    data = Sampled()
    here = torch.stack([data[i] for i in range(len(data))])
    loader = DataLoader(data, batch_size=8, num_workers=2, multiprocessing_context="fork")
    assert torch.cat(list(loader)).equal(here)


def in_child(connection):
    torch.set_num_threads(1)
    connection.send(Sampled()[3].sum().item())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method):
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(target=in_child, args=(theirs,))
    process.start()
    assert ours.poll(60)
    assert 0 < ours.recv() < 200
    process.join()
    assert process.exitcode == 0


WRITE = """
import resource, signal, sys
import torch, torch_rbm
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
model = torch_rbm.RBM(100, 100)
try:
    if sys.argv[1] == "save":
        torch_rbm.save(model, sys.argv[2])
    elif sys.argv[1] == "fit":
        torch_rbm.fit(model, torch.zeros(8, 100), epochs=1, checkpoint=sys.argv[2], progress=False)
    else:
        from torch_rbm.files import save_scripted
        save_scripted(model, sys.argv[2])
except (OSError, RuntimeError) as error:
    print("refused", error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
@pytest.mark.parametrize("way", ["save", "fit", "script"])
def test_a_full_disk_loses_nothing(way, tmp_path):
    """A file may not grow beyond 20 kB there; the old one stays, and nothing half written."""
    path = tmp_path / "model.pt"
    small = torch_rbm.RBM(3, 2)
    if way != "fit":
        torch_rbm.save(small, path)
    before = path.read_bytes() if path.exists() else None
    command = [sys.executable, "-c", WRITE, way, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("refused")
    assert [found.name for found in tmp_path.iterdir()] == ([] if before is None else ["model.pt"])
    if before is not None:
        assert path.read_bytes() == before
        assert torch_rbm.load(path).weight.equal(small.weight)
