"""Groups of processes that torchrun starts: gradients of all of them together are those of one."""

from pathlib import Path

import pytest
import torch

import torch_rbm
from tests.distributed_target import HIDDEN, LOSSES, VISIBLE, WRAPPERS, whole_batch
from tests.torchrun import torchrun
from torch_rbm import distributed, ops

TARGET = Path(__file__).with_name("distributed_target.py")


@pytest.fixture(scope="module", params=[2, 4])
def updates(request, tmp_path_factory):
    """What a group of two, and one of four, found for each loss."""
    folder = tmp_path_factory.mktemp("group")
    done = torchrun(TARGET, request.param, "gradients", folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(folder / "gradients.pt")


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("name", LOSSES)
class TestLosses:
    def test_gradients_are_those_of_the_union(self, updates, wrapper, name):
        """Of all batches and all chains, in one process."""
        update = updates[f"{wrapper}, {name}"]
        parameters = update["parameters"]
        expected = ops.contrastive_divergence(
            whole_batch(), torch.cat(update["chains"]), **parameters, steps=0
        )[:3]
        offsets = update["offsets"]
        if offsets[0] is not None:
            rbm = torch_rbm.RBM(VISIBLE, HIDDEN)
            centering = torch_rbm.Centering(rbm)
            for buffer, value in zip(centering.buffers(), offsets[0], strict=True):
                buffer.copy_(value)
            expected = centering(expected)
            for other in offsets[1:]:
                for one, another in zip(offsets[0], other, strict=True):
                    torch.testing.assert_close(one, another)
        for key, gradient in zip(("weight", "visible_bias", "hidden_bias"), expected, strict=True):
            torch.testing.assert_close(update["gradients"][key], gradient)

    def test_every_process_has_chains_of_its_own(self, updates, wrapper, name):
        if name.startswith("CD"):
            pytest.skip("its chains start at different data")
        chains = updates[f"{wrapper}, {name}"]["chains"]
        for first in range(len(chains)):
            for second in range(first):
                assert not chains[first].equal(chains[second])


def test_alone_everything_is_as_ever():
    generator = torch.Generator().manual_seed(3)
    assert not distributed.is_group()
    assert distributed.random_source(generator, torch.zeros(1)) == {"generator": generator}
    key = torch.tensor([3, 4])
    assert distributed.own_key(key).equal(key)
    (mean,) = distributed.mean_of_all(torch.ones(3))
    assert mean.equal(torch.ones(3))


def test_keys_of_ranks_differ(monkeypatch):
    monkeypatch.setattr(distributed, "is_group", lambda: True)
    keys = set()
    for rank in range(1000):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        keys.add(int(distributed.own_key(torch.tensor([2**63 - 1, 0]))[0]))
    assert len(keys) == 1000


def trained(processes: int, folder: Path, epochs: int, task: str = "train") -> dict[str, object]:
    done = torchrun(TARGET, processes, task, folder, epochs)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(folder / "result.pt")


class TestFit:
    def test_as_good_in_a_group_as_alone(self, tmp_path):
        results = []
        for processes in (1, 2):
            folder = tmp_path / str(processes)
            folder.mkdir()
            results.append(trained(processes, folder, 60))
        alone, group = results
        # Of a model without weights: -6.9.
        assert alone["likelihood"] > -5
        assert group["likelihood"] == pytest.approx(alone["likelihood"], abs=0.1)
        first, second = group["parameters"]
        assert all(first[name].equal(second[name]) for name in first)

    def test_goes_on_with_another_number_of_processes(self, tmp_path):
        whole = trained(2, tmp_path, 8)
        parts = tmp_path / "parts"
        parts.mkdir()
        for processes, death in ((2, 3), (4, 6)):
            assert torchrun(TARGET, processes, "die", parts, 8, death).returncode != 0
        result = trained(1, parts, 8)
        assert len(result["losses"]) == 8
        assert result["losses"][:3] == whole["losses"][:3]

    def test_a_killed_process_ends_the_run_and_leaves_a_checkpoint(self, tmp_path):
        done = torchrun(TARGET, 2, "die", tmp_path, 8, 3)
        assert done.returncode != 0
        assert "fit: another process of the group has ended; the same call goes on" in done.stderr
        alone = trained(1, tmp_path, 8)
        assert len(alone["losses"]) == 8
