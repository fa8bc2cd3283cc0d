"""The modules do what PyTorch's own do: copies, pickles, meta device, dtypes, parametrizations."""

import copy
import functools
import io
import math
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

import torch_rbm

MODELS = {
    "RBM": lambda: torch_rbm.RBM(6, 4, visible_units="gaussian", learn_precision=True),
    "ClassificationRBM": lambda: torch_rbm.ClassificationRBM(6, 4, 3),
    "DBN": lambda: torch_rbm.DBN([6, 5, 4], classes=3),
    "untied DBN": lambda: torch_rbm.DBN([6, 5, 4]).untied(),
    "RatingsRBM": lambda: torch_rbm.RatingsRBM(6, 3, 4),
}
LOSSES = {
    "CD": torch_rbm.ContrastiveDivergence,
    "PCD": functools.partial(torch_rbm.PersistentContrastiveDivergence, centered=True),
    "FPCD": torch_rbm.FastPersistentContrastiveDivergence,
    "tempering": torch_rbm.ParallelTempering,
    "trajectory": functools.partial(torch_rbm.TrajectoryTempering, chains=200),
    "exact": torch_rbm.ExactLikelihood,
}


def states(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(one: nn.Module, other: nn.Module) -> None:
    assert repr(one) == repr(other)
    first, second = one.state_dict(), other.state_dict()
    assert list(first) == list(second)
    assert all(first[name].equal(second[name]) for name in first)


def pickled(module: nn.Module) -> nn.Module:
    return pickle.loads(pickle.dumps(module))


def saved_whole(module: nn.Module) -> nn.Module:
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled, saved_whole])
class TestCopies:
    @pytest.mark.parametrize("name", MODELS)
    def test_models(self, copied, name):
        model = MODELS[name]()
        other = copied(model)
        assert_same(model, other)
        next(other.parameters()).data.add_(1)
        assert not next(other.parameters()).equal(next(model.parameters()))

    @pytest.mark.parametrize("name", LOSSES)
    def test_losses_go_on_alike(self, copied, name):
        rbm = torch_rbm.RBM(6, 4)
        loss = LOSSES[name](rbm)
        v = torch.randint(2, (5, 6)).float()
        loss(v).backward()
        other = copied(loss)
        assert_same(loss, other)
        values = []
        for module in (loss, other):
            torch.manual_seed(1)
            values.append(module(v).item())
        assert values[0] == values[1]


class TestStateDicts:
    @pytest.mark.parametrize("name", MODELS)
    def test_round_trip(self, name):
        model, other = MODELS[name](), MODELS[name]()
        for parameter in model.parameters():
            nn.init.normal_(parameter)
        buffer = io.BytesIO()
        torch.save(model.state_dict(), buffer)
        buffer.seek(0)
        other.load_state_dict(torch.load(buffer, weights_only=True))
        assert_same(model, other)

    def test_a_loss_without_its_rbm_does_not_fit(self):
        loss = torch_rbm.PersistentContrastiveDivergence(torch_rbm.RBM(6, 4))
        with pytest.raises(RuntimeError, match=r"Missing key.*rbm\.weight"):
            loss.load_state_dict({"chain": loss.chain})


class TestMeta:
    @pytest.mark.parametrize("name", MODELS)
    def test_models_are_made_without_memory_and_filled_later(self, name):
        with torch.device("meta"):
            model = MODELS[name]()
        assert all(parameter.is_meta for parameter in model.parameters())
        model.to_empty(device="cpu")
        for parameter in model.parameters():
            nn.init.constant_(parameter, math.nan)
        for module in model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        assert all(parameter.isfinite().all() for parameter in model.parameters())

    def test_shapes_without_numbers(self):
        rbm = torch_rbm.RBM(6, 4, device="meta")
        v = torch.zeros(5, 6, device="meta")
        assert rbm(v).shape == (5, 4)
        assert rbm.free_energy(v).shape == (5,)
        assert rbm.gibbs(v, 3)[0].shape == (5, 6)

    def test_assigned_parameters(self):
        trained = torch_rbm.RBM(6, 4)
        rbm = torch_rbm.RBM(6, 4, device="meta")
        rbm.load_state_dict(trained.state_dict(), assign=True)
        v = torch.rand(5, 6)
        assert rbm(v).equal(trained(v))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
class TestDtypes:
    def test_layer(self, dtype):
        rbm = torch_rbm.RBM(6, 4).to(dtype)
        v = torch.randint(2, (5, 6)).to(dtype)
        assert rbm(v).dtype == dtype
        assert rbm.gibbs(v)[0].dtype == dtype
        rbm(v).sum().backward()
        assert rbm.weight.grad.dtype == dtype

    @pytest.mark.parametrize("name", ["CD", "PCD", "FPCD"])
    def test_losses(self, dtype, name):
        rbm = torch_rbm.RBM(6, 4).to(dtype)
        loss = LOSSES[name](rbm)
        loss(torch.randint(2, (5, 6)).to(dtype)).backward()
        assert all(parameter.grad.dtype == dtype for parameter in rbm.parameters())
        assert all(parameter.grad.isfinite().all() for parameter in rbm.parameters())


class Positive(nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.exp()


class TestParametrizations:
    """A weight that is computed from another, as torch.nn.utils.parametrize makes it."""

    def test_gradients_reach_the_original(self):
        rbm = torch_rbm.RBM(6, 4)
        plain = torch_rbm.RBM(6, 4)
        parametrize.register_parametrization(rbm, "weight", Positive())
        with torch.no_grad():
            plain.weight.copy_(rbm.weight)
        assert (rbm.weight > 0).all()
        v = torch.randint(2, (5, 6)).float()
        for model in (rbm, plain):
            torch.manual_seed(1)
            torch_rbm.ContrastiveDivergence(model)(v).backward()
        original = rbm.parametrizations.weight.original
        gradients = original.grad, plain.weight.grad * plain.weight.detach()
        torch.testing.assert_close(*gradients)

    def test_fit(self):
        rbm = torch_rbm.RBM(6, 4)
        parametrize.register_parametrization(rbm, "weight", Positive())
        before = states(rbm)
        v = torch.randint(2, (50, 6)).float()
        torch_rbm.fit(rbm, v, epochs=2, progress=False)
        assert (rbm.weight > 0).all()
        assert not before["parametrizations.weight.original"].equal(
            rbm.parametrizations.weight.original
        )

    def test_weight_norm(self):
        rbm = torch_rbm.RBM(6, 4)
        nn.utils.parametrizations.weight_norm(rbm)
        v = torch.rand(5, 6)
        loss = torch_rbm.PersistentContrastiveDivergence(rbm)
        loss(v.round()).backward()
        assert rbm.parametrizations.weight.original0.grad is not None
        assert torch.isfinite(rbm.free_energy(v)).all()
