"""The RBM as a classifier: p(label | v) against enumeration, its losses, and digits."""

import functools

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import torch_rbm
from torch_rbm import ops


def make_rbm(data_units="bernoulli", hidden_units="bernoulli", **options):
    torch.manual_seed(0)
    rbm = torch_rbm.ClassificationRBM(
        5, 4, 3, data_units=data_units, hidden_units=hidden_units, dtype=torch.float64, **options
    )
    for parameter in rbm.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return rbm


@pytest.mark.parametrize(
    "hidden_units", ["bernoulli", "spin", "categorical(2)", "gaussian", "relu"]
)
@pytest.mark.parametrize("data_units", ["bernoulli", "gaussian", "gaussian:2, spin:3"])
def test_label_given_data_is_exact(data_units, hidden_units):
    """p(label | v) from the free energies of v with each label, and its derivative."""
    rbm = make_rbm(data_units, hidden_units)
    v = torch.randint(2, (20, 5)).double()
    joint = torch.stack([rbm.joint(v, torch.full((20,), k)) for k in range(3)], 1)
    expected = torch.log_softmax(-rbm.free_energy(joint), -1)
    torch.testing.assert_close(rbm(v), expected)
    assert rbm.predict(v).equal(expected.argmax(-1))
    labels = torch.randint(3, (20,))
    parameters = [rbm.weight, rbm.visible_bias, rbm.hidden_bias]
    by_field = torch.autograd.grad(nn.functional.nll_loss(rbm(v), labels), parameters)
    by_energy = torch.autograd.grad(nn.functional.nll_loss(expected, labels), parameters)
    for a, b in zip(by_field, by_energy, strict=True):
        torch.testing.assert_close(a, b)


def test_gibbs_with_the_label_clamped_samples_its_class():
    rbm = make_rbm()
    start = torch.zeros(20_000, 8, dtype=torch.float64)
    start[:, 6] = 1  # class 1
    clamp = torch.arange(8) >= 5
    torch.manual_seed(1)
    visible, _ = rbm.gibbs(start, 30, clamp)
    assert visible[:, 5:].equal(start[:, 5:])
    states = ((torch.arange(32).unsqueeze(1) >> torch.arange(5)) & 1).double()
    p = torch.softmax(-rbm.free_energy(rbm.joint(states, torch.ones(32, dtype=torch.int64))), 0)
    mean = p @ states
    sigma = (mean * (1 - mean) / len(visible)).sqrt()
    assert ((visible[:, :5].mean(0) - mean).abs() < 5 * sigma).all()


def test_hybrid_loss_is_the_sum_of_both():
    rbm = make_rbm()
    joint = rbm.joint(torch.randint(2, (30, 5)).double(), torch.randint(3, (30,)))
    discriminative = torch_rbm.HybridLoss(rbm, 0.0)(joint)
    exact = torch_rbm.ExactLikelihood
    hybrid = torch_rbm.HybridLoss(rbm, 0.25, generative=exact)(joint)
    torch.testing.assert_close(hybrid, discriminative + 0.25 * exact(rbm)(joint))
    expected = nn.functional.nll_loss(rbm(joint[:, :5]), joint[:, 5:].argmax(1))
    torch.testing.assert_close(discriminative, expected)


def test_script_and_compile():
    rbm = make_rbm()
    v = torch.randint(2, (7, 5)).double()
    scripted = torch.jit.script(rbm)
    torch.testing.assert_close(scripted(v), rbm(v))
    assert scripted.predict(v).equal(rbm.predict(v))
    torch.testing.assert_close(torch.compile(rbm, fullgraph=True)(v), rbm(v))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda r, v: r.joint(v, torch.tensor([0, 1, 3])),
            ValueError,
            "labels from 0 to 2, got 0 to 3",
        ),
        (lambda r, v: r.joint(v, torch.tensor([0, 1])), ValueError, "a label for each row"),
        (lambda r, v: r.joint(v, torch.zeros(3)), TypeError, "labels to be integers"),
        (lambda r, v: torch_rbm.HybridLoss(r, -1), ValueError, "generative_weight >= 0, got -1"),
        (lambda r, v: torch_rbm.HybridLoss(torch_rbm.RBM(8, 4)), TypeError, "ClassificationRBM"),
        (lambda r, v: torch_rbm.ClassificationRBM(5, 4, 1), ValueError, "classes >= 2, got 1"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(make_rbm(), torch.zeros(3, 5, dtype=torch.float64))


def test_cumulant_is_log_z_of_independent_units():
    field = torch.linspace(-3, 3, 7, dtype=torch.float64)
    for units, expected in (
        ("bernoulli", torch.log1p(field.exp()).sum()),
        ("spin", (field.exp() + (-field).exp()).log().sum()),
        ("categorical", field.logsumexp(0)),
        ("gaussian", (field.square() / 2 + torch.tensor(2 * torch.pi).log() / 2).sum()),
    ):
        torch.testing.assert_close(ops.cumulant(field, units=units), expected.double())


def test_digits():
    """Handwritten digits, 8 x 8, a quarter held out: 97 % right and more."""
    pixels, labels = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = (
        torch.from_numpy(part)
        for part in train_test_split(
            (pixels / 16).astype("float32"), labels, test_size=0.25, random_state=0, stratify=labels
        )
    )
    torch.manual_seed(0)
    rbm = torch_rbm.ClassificationRBM(64, 300, 10)
    joint = rbm.joint(x_train, y_train)
    torch_rbm.initialize(rbm, joint)
    torch_rbm.fit(
        rbm,
        joint,
        loss=functools.partial(torch_rbm.HybridLoss, generative_weight=0.03),
        optimizer=functools.partial(torch.optim.Adam, lr=5e-3),
        epochs=100,
        batch_size=50,
        progress=False,
    )
    accuracy = (rbm.predict(x_test) == y_test).float().mean().item()
    print(f"accuracy on {len(y_test)} held-out digits: {accuracy:.4f}")
    assert accuracy >= 0.965
