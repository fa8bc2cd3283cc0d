"""Bad input gives an error that names the operator, what was expected and what came."""

import functools

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import torch_rbm
from torch_rbm import ops

W, B, C = torch.zeros(4, 6), torch.zeros(6), torch.zeros(4)
V, H = torch.zeros(3, 6), torch.zeros(3, 4)
KEY = torch.tensor([0, 0])

CASES = [
    # operator, arguments, error, what the message must hold
    (ops.free_energy, (V[:, :5], W, B, C), ValueError, ["visible", "[..., 6]", "[3, 5]"]),
    (ops.free_energy, (torch.zeros(()), W, B, C), ValueError, ["visible", "[..., 6]"]),
    (ops.free_energy, (V, W[0], B, C), ValueError, ["weight", "[hidden, visible]", "[6]"]),
    (ops.free_energy, (V, W, C, C), ValueError, ["visible_bias", "[6]", "[4]"]),
    (ops.free_energy, (V, W, B, B), ValueError, ["hidden_bias", "[4]", "[6]"]),
    (ops.free_energy, (V.double(), W, B, C), TypeError, ["torch.float32", "torch.float64"]),
    (ops.free_energy, (V.long(), W, B, C), TypeError, ["visible", "torch.int64"]),
    (ops.free_energy, (V, W.long(), B, C), TypeError, ["weight", "torch.int64"]),
    (ops.free_energy, (V, W, B.double(), C), TypeError, ["visible_bias", "torch.float64"]),
    (ops.free_energy, (V.to_sparse(), W, B, C), TypeError, ["visible", "strided", "Sparse"]),
    (ops.free_energy, (V, W.to("meta"), B, C), ValueError, ["visible_bias", "meta", "cpu"]),
    (ops.free_energy, (V.to("meta"), W, B, C), ValueError, ["visible", "cpu", "meta"]),
    (ops.free_energy, (None, W, B, C), TypeError, ["visible", "a tensor", "None"]),
    (ops.gibbs, (V, W, None, C), TypeError, ["visible_bias", "a tensor", "None"]),
    (ops.energy, (V, H[:2], W, B, C), ValueError, ["rows", "[3, 6]", "[2, 4]"]),
    (ops.energy, (V, H[:, :2], W, B, C), ValueError, ["hidden", "[..., 4]", "[3, 2]"]),
    (ops.log_partition, (W, C, C), ValueError, ["visible_bias", "[6]", "[4]"]),
    (
        ops.log_partition,
        (torch.zeros(30, 40), torch.zeros(40), torch.zeros(30)),
        ValueError,
        ["2^25", "[30, 40]"],
    ),
    (ops.hidden_mean, (H, W, C), ValueError, ["visible", "[..., 6]", "[3, 4]"]),
    (ops.visible_mean, (V, W, B), ValueError, ["hidden", "[..., 4]", "[3, 6]"]),
    (ops.sample_hidden, (V, W, B), ValueError, ["hidden_bias", "[4]", "[6]"]),
    (ops.sample_visible, (V, W, B), ValueError, ["hidden", "[..., 4]", "[3, 6]"]),
    (ops.gibbs, (V, W, B, C, -1), ValueError, ["steps >= 0", "-1"]),
    (ops.contrastive_divergence, (V, V[:, 1:], W, B, C), ValueError, ["chain", "[3, 5]"]),
    (ops.contrastive_divergence, (H, V, W, B, C), ValueError, ["data", "[3, 4]"]),
    (ops.contrastive_divergence, (V, V, W, B, C, -2), ValueError, ["steps >= 0", "-2"]),
    (ops.centered_gradient, (B, B, C, B, C), ValueError, ["grad_weight", "[hidden, visible]"]),
    (ops.centered_gradient, (W, C, C, B, C), ValueError, ["grad_visible_bias", "[6]", "[4]"]),
    (ops.centered_gradient, (W, B, C, B, B), ValueError, ["hidden_offset", "[4]", "[6]"]),
    (ops.centered_gradient, (W, B, C, B.double(), C), TypeError, ["visible_offset", "float64"]),
    (ops.uniform, (None, 1, 2), TypeError, ["key", "a tensor", "None"]),
    (ops.uniform, (KEY, -1, 2), ValueError, ["rows >= 0", "-1"]),
    (ops.uniform, (KEY.float(), 1, 2), TypeError, ["key", "torch.int64", "torch.float32"]),
    (ops.uniform, (KEY[:1], 1, 2), ValueError, ["key", "[2]", "[1]"]),
]


@pytest.mark.parametrize(("op", "arguments", "error", "parts"), CASES)
def test_operators(op, arguments, error, parts):
    with pytest.raises(error) as raised:
        op(*arguments)
    message = str(raised.value)
    assert message.startswith(f"torch_rbm::{op.__name__}: expected ")
    assert "got" in message
    for part in parts:
        assert part in message


OPTIONS = [
    (ops.gibbs, {"clamp": torch.zeros(6)}, TypeError, "clamp of dtype torch.bool"),
    (ops.gibbs, {"clamp": torch.zeros(5).bool()}, ValueError, "clamp broadcastable"),
    (ops.gibbs, {"clamp": torch.zeros(1, 3, 6).bool()}, ValueError, "clamp broadcastable"),
    (ops.gibbs, {"key": KEY, "generator": torch.Generator()}, ValueError, "got both"),
    (ops.gibbs, {"key": torch.zeros(3, 2).long()}, ValueError, "key of shape"),
    (ops.gibbs, {"visible_units": "binary"}, ValueError, 'one of "bernoulli", .*got "binary"'),
    (ops.free_energy, {"hidden_units": ""}, ValueError, 'hidden_units to be one of "bernoulli"'),
]


@pytest.mark.parametrize(("op", "options", "error", "message"), OPTIONS)
def test_options(op, options, error, message):
    with pytest.raises(error, match=message):
        op(V, W, B, C, **options)


def test_means_are_no_binary_states():
    with pytest.raises(TypeError, match="mean_visible=True"):
        ops.contrastive_divergence(V, V.bool(), W, B, C, mean_visible=True)


BAD_VALUES = {
    "too large": (1.5, r"in \[0, 1\].*1.5 at position \[70, 2\]; gaussian units take real"),
    "negative": (-0.25, r"-0.25 at position \[70, 2\]"),
    "nan": (float("nan"), r"nan at position \[70, 2\]"),
    "infinite": (float("inf"), r"inf at position \[70, 2\]"),
}


def bad_data(value: float) -> torch.Tensor:
    data = torch.rand(100, 6).round()
    data[70, 2] = value
    return data


def parameters(module: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in module.parameters()]


@pytest.mark.parametrize("kind", BAD_VALUES)
@pytest.mark.parametrize("entry", ["fit", "pretrain", "loss"])
def test_values_are_checked_where_data_enter(kind, entry):
    value, message = BAD_VALUES[kind]
    dbn = torch_rbm.DBN([6, 4, 3])
    enter = {
        "fit": lambda data: torch_rbm.fit(dbn.layers[0], data, progress=False),
        "pretrain": lambda data: dbn.pretrain(data, progress=False),
        "loss": torch_rbm.ContrastiveDivergence(dbn.layers[0]),
    }[entry]
    before = parameters(dbn)
    with pytest.raises(ValueError, match=message):
        enter(bad_data(value))
    assert all(a.equal(b) for a, b in zip(before, parameters(dbn), strict=True))


def test_nothing_is_half_trained_when_a_later_batch_is_bad():
    """A stream is only checked as it comes; what was learned before is taken back."""
    dbn = torch_rbm.DBN([6, 4, 3])
    before = parameters(dbn)
    loader = DataLoader(TensorDataset(bad_data(7.0)), batch_size=10)
    with pytest.raises(ValueError, match=r"7\.0 at position"):
        dbn.pretrain(loader, epochs=2, progress=False)
    assert all(a.equal(b) for a, b in zip(before, parameters(dbn), strict=True))


FIT_CASES = [
    ({"data": [[0.0, 1.0]]}, TypeError, r"a list of numbers; torch.tensor\(data\) makes"),
    ({"data": V, "callbacks": [print]}, TypeError, "a list of torch_rbm.Callback, got"),
    ({"data": V, "callbacks": torch_rbm.Callback()}, TypeError, "a list of torch_rbm.Callback"),
    (
        {"data": np.array([["a"] * 6])},
        TypeError,
        "in an array or data frame: could not convert",
    ),
    ({"data": ["a", "b"]}, TypeError, "batches of tensors, got str"),
    ({"data": 3}, TypeError, "a NumPy array, a Dataset or a DataLoader, got int 3"),
    ({"data": torch.zeros(6)}, ValueError, r"data \[cases, visible\], got \[6\]"),
    ({"data": torch.zeros(0, 6)}, ValueError, "at least one case"),
    ({"data": torch.zeros(5, 7)}, ValueError, r"expected data of shape \[..., 6\]"),
    ({"data": torch.full((5, 6), 2)}, ValueError, "got 2.0 at position"),
    ({"data": torch.full((5, 6), 2, dtype=torch.uint8)}, ValueError, "got 2 at position"),
    ({"data": "data.csv"}, TypeError, "a DataLoader, got str 'data.csv'"),
    ({"data": V, "loss": "cd"}, TypeError, "loss to be a class or function .* got str 'cd'"),
    ({"data": V, "loss": torch_rbm.ContrastiveDivergence(torch_rbm.RBM(6, 4))}, TypeError, "loss"),
    ({"data": V, "optimizer": "sgd"}, TypeError, "such as torch.optim.Adam, got str 'sgd'"),
    ({"data": V, "epochs": 2.5}, TypeError, r"epochs to be an int, got float 2\.5"),
    ({"data": V, "epochs": -1}, ValueError, "epochs >= 0, got -1"),
    (
        {"data": V, "optimizer": functools.partial(torch.optim.SGD, lr=float("inf")), "epochs": 2},
        FloatingPointError,
        "training diverged in epoch",
    ),
    ({"data": V, "batch_size": 0}, ValueError, "batch_size >= 1, got 0"),
]


@pytest.mark.parametrize(("options", "error", "message"), FIT_CASES)
def test_fit(options, error, message):
    rbm = torch_rbm.RBM(6, 4)
    before = parameters(rbm)
    with pytest.raises(error, match=message):
        torch_rbm.fit(rbm, **options, progress=False)
    assert all(a.equal(b) for a, b in zip(before, parameters(rbm), strict=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch_rbm.RBM(-1, 3), "visible >= 0, got -1"),
        (lambda: torch_rbm.RBM(3, 8.0), r"hidden to be an int, got float 8\.0"),
        (lambda: torch_rbm.RBM(3, "8"), "hidden to be an int, got str '8'"),
        (lambda: torch_rbm.RBM(3, 8, dtype=torch.int32), "dtype to be one of .* got torch.int32"),
        (lambda: torch_rbm.DBN([5]), "two or more layer sizes"),
        (lambda: torch_rbm.DBN(8), r"a sequence such as \[784, 500\], got 8"),
        (lambda: torch_rbm.DBN([5, 3]).classifier(0), "classes >= 1, got 0"),
        (lambda: torch_rbm.DBN([5, 3]).sample(-1), "count >= 0, got -1"),
        (lambda: torch_rbm.ContrastiveDivergence(3), "expected an RBM, got int 3"),
        (lambda: torch_rbm.ContrastiveDivergence(torch_rbm.RBM(2, 2), -1), "steps >= 0"),
        (
            lambda: torch_rbm.PersistentContrastiveDivergence(torch_rbm.RBM(2, 2), 0),
            "chains >= 1",
        ),
    ],
)
def test_constructors(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize(
    ("method", "name", "width"),
    [
        ("hidden_mean", "visible", 6),
        ("free_energy", "visible", 6),
        ("sample_hidden", "visible", 6),
        ("gibbs", "visible", 6),
        ("visible_mean", "hidden", 4),
        ("sample_visible", "hidden", 4),
    ],
)
def test_methods_want_tensors(method, name, width):
    """Where operators would print the whole array."""
    rbm = torch_rbm.RBM(6, 4)
    message = f"^{method}: expected {name} to be a tensor, got ndarray; torch.tensor makes one"
    with pytest.raises(TypeError, match=message):
        getattr(rbm, method)(np.zeros((1000, width), np.float32))
    with pytest.raises(TypeError, match=r"^energy: expected visible to be a tensor, got ndarray"):
        rbm.energy(np.zeros(6), torch.zeros(4))
    with pytest.raises(TypeError, match=r"^energy: expected hidden to be a tensor, got list"):
        rbm.energy(torch.zeros(6), [0.0] * 4)
