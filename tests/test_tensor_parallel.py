"""RBMs whose hidden units are spread over processes: the same numbers as in one."""

from pathlib import Path
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard
from torch.testing._internal.distributed.fake_pg import FakeStore

import torch_rbm
from tests.tensor_parallel_target import LOSSES, UNITS, operators
from tests.torchrun import torchrun
from torch_rbm import distributed
from torch_rbm.tensor_parallel import HiddenParallel

TARGET = Path(__file__).with_name("tensor_parallel_target.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp("group") / "found.pt"
    done = torchrun(TARGET, 2, file)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(file)


@pytest.mark.parametrize("name", operators())
def test_operators(found, name):
    (expected, gradients), (results, of_shared) = found["operators"][name]
    for actual, value in zip(results, expected, strict=True):
        torch.testing.assert_close(actual, value, equal_nan=True)
    for actual, value in zip(of_shared, gradients, strict=True):
        torch.testing.assert_close(actual, value)


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("name", LOSSES)
def test_training(found, name, units):
    """From the same key the same samples, and so the same parameters."""
    alone, shared = (found[which][name, units] for which in ("alone", "shared"))
    assert shared["losses"] == pytest.approx(alone["losses"], rel=1e-4)
    for key, value in alone["parameters"].items():
        torch.testing.assert_close(shared["parameters"][key], value, rtol=1e-4, atol=1e-5)
    assert (alone["own_units"], shared["own_units"]) == (8, 4)


def test_a_layer_returns_the_features_of_all_units(found):
    alone, shared = found["features"]
    assert type(shared) is torch.Tensor
    torch.testing.assert_close(shared, alone)


@pytest.mark.parametrize(("rank", "stream"), [(0, 0), (1, 0), (2, 2), (3, 2)])
def test_processes_that_share_a_weight_share_a_stream(rank, stream):
    """Of four processes two and two share one, and train on different data."""
    dist.init_process_group("fake", rank=rank, world_size=4, store=FakeStore())
    try:
        mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "hidden"))
        weight = DTensor.from_local(torch.zeros(2, 3), mesh["hidden"], [Shard(0)], run_check=False)
        torch.manual_seed(0)
        key = distributed.random_source(None, weight)["key"]
        torch.manual_seed(0)
        with mock.patch.object(distributed, "rank", return_value=stream):
            assert key.equal(distributed.random_source(None, torch.zeros(2, 3))["key"])
        with pytest.raises(ValueError, match="an RBM that all processes share, or none"):
            distributed.mean_of_all(weight)
    finally:
        dist.destroy_process_group()


class TestRefusals:
    def apply(self, module):
        HiddenParallel()._apply(module, mock.Mock(size=lambda: 2))

    def test_a_module_without_an_rbm(self):
        with pytest.raises(TypeError, match="HiddenParallel: expected a module with an RBM"):
            self.apply(torch.nn.Linear(2, 2))

    def test_an_rbm_of_ratings(self):
        with pytest.raises(TypeError, match="a row of weights for each hidden unit"):
            self.apply(torch_rbm.RatingsRBM(4, 5, 2))

    def test_a_loss_that_looks_at_single_states(self):
        loss = torch_rbm.TrajectoryTempering(torch_rbm.RBM(4, 4), chains=10)
        with pytest.raises(TypeError, match="whose chains processes can share"):
            self.apply(loss)

    def test_hidden_units_that_cannot_be_shared_evenly(self):
        with pytest.raises(ValueError, match="expected hidden units that 2 processes can share"):
            self.apply(torch_rbm.RBM(4, 3))
