"""Replica exchange: every temperature keeps its own distribution, at the exact acceptance rates."""

import pytest
import torch

from tests.enumeration import (
    Model,
    all_states,
    state_counts,
    total_variation,
    total_variation_limit,
)
from tests.test_kernels import PATHS, binary, parameters, with_path
from torch_rbm import ops

BETAS = torch.tensor([0.0, 0.3, 0.7, 1.0], dtype=torch.float64)


def tempered(model: Model, base: torch.Tensor, beta: float) -> Model:
    """The model at one inverse temperature, as an ordinary RBM."""
    bias = (1 - beta) * base + beta * model.visible_bias
    return Model(beta * model.weight, bias, beta * model.hidden_bias)


@pytest.fixture(scope="module")
def model():
    return Model.random(6, 4, seed=4)


@pytest.fixture(scope="module")
def base():
    return torch.linspace(-1, 1, 6, dtype=torch.float64)


@pytest.mark.parametrize("path", [*PATHS, "reference"])
@pytest.mark.parametrize("steps", [1, 5])
def test_no_drift(model, base, steps, path):
    chains = 20_000
    torch.manual_seed(steps)
    start = torch.stack([tempered(model, base, beta).sample(chains) for beta in BETAS.tolist()])
    moved, _, _, origin = with_path(
        path, ops.parallel_tempering, start, *model.parameters, base, BETAS, steps
    )
    assert len(torch.unique(origin)) == len(BETAS)
    for beta, states in zip(BETAS.tolist(), moved, strict=True):
        p = tempered(model, base, beta).probabilities()
        counts = state_counts(states, 6)
        assert total_variation(counts, p) < total_variation_limit(p, chains)


@pytest.mark.parametrize("path", [*PATHS, "reference"])
def test_acceptance_is_exact(model, base, path):
    """Of all even or all odd pairs in turn, by the enumerated free energies of both states."""
    chains = 40_000
    torch.manual_seed(7)
    ladder = [tempered(model, base, beta) for beta in BETAS.tolist()]
    log_f = [(-m.energies()).logsumexp(1) for m in ladder]
    start = torch.stack([m.sample(chains) for m in ladder])
    seen = torch.zeros(len(BETAS) - 1)
    for offset in range(4):
        key = torch.tensor([3, offset])
        _, accepted, proposed, origin = with_path(
            path, ops.parallel_tempering, start, *model.parameters, base, BETAS, 1, key=key
        )
        for i in range(len(ladder) - 1):
            if proposed[i] == 0:
                continue
            seen[i] += 1
            gain = log_f[i + 1] - log_f[i]
            odds = (gain[:, None] - gain[None, :]).exp().clamp(max=1)
            p, q = ladder[i].probabilities(), ladder[i + 1].probabilities()
            mean = p @ odds @ q
            error = ((p @ odds.square() @ q - mean**2) / chains).sqrt()
            assert abs(accepted[i] / proposed[i] - mean) < 5 * error
            exchanged = (origin[i] == i + 1).double().mean()
            assert abs(exchanged - mean) < 5 * (mean * (1 - mean) / chains).sqrt()
    assert (seen > 0).all()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("units", [("bernoulli", "bernoulli"), ("spin", "spin")])
@pytest.mark.parametrize(("temperatures", "chains"), [(1, 3), (5, 30), (11, 100)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bool])
def test_fused_is_the_formula(path, units, temperatures, chains, dtype):
    if dtype == torch.bool and units[0] == "spin":
        return
    weight, b, c = parameters(150, 70, scale=0.05, dtype=torch.float64)
    states = binary(temperatures * chains, 150, dtype=dtype).view(temperatures, chains, 150)
    if units[0] == "spin":
        states = 2 * states - 1
    betas = torch.linspace(0, 1, temperatures, dtype=torch.float64)
    results = [
        with_path(
            way,
            ops.parallel_tempering,
            states,
            *(weight, b, c, b / 2, betas, 6),
            visible_units=units[0],
            hidden_units=units[1],
            key=torch.tensor([5, -7]),
        )
        for way in (path, "reference")
    ]
    for fused, expected in zip(*results, strict=True):
        assert fused.dtype == expected.dtype
        torch.testing.assert_close(fused, expected, rtol=1e-9, atol=1e-12)
    if temperatures > 1:
        assert (results[0][3] != torch.arange(temperatures)[:, None]).any()


def test_exchanges_only_permute_states(model, base):
    """With no step nothing moves; with W = 0 at every β = 0, states change but origins tell."""
    start = model.sample(4 * 7).view(4, 7, 6)
    same, accepted, proposed, origin = ops.parallel_tempering(
        start, *model.parameters, base, BETAS, 0, key=torch.tensor([1, 1])
    )
    assert (same == start).all()
    assert (accepted == 0).all()
    assert (proposed == 0).all()
    assert (origin == torch.arange(4)[:, None]).all()
    _, accepted, proposed, origin = ops.parallel_tempering(
        start, *model.parameters, base, torch.ones(4).double(), 9, key=torch.tensor([1, 1])
    )
    assert (accepted == proposed).all()  # equal temperatures
    assert (origin.sort(0).values == torch.arange(4)[:, None]).all()


def test_other_units():
    """A gaussian layer keeps its tempered distributions: means and variances of each."""
    torch.manual_seed(0)
    weight = torch.randn(3, 2, dtype=torch.float64)
    b, c = torch.randn(2, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    base = torch.zeros(2, dtype=torch.float64)
    h = all_states(3)
    expected = []
    for beta in BETAS.tolist():
        field = beta * (b + h @ weight)  # a mixture of normals of variance 1
        p = torch.softmax(beta * h @ c + field.square().sum(1) / 2, 0)
        mean = p @ field
        expected.append((mean, p @ (field.square() + 1) - mean**2))
    chain = torch.zeros(4, 20_000, 2, dtype=torch.float64)
    for _ in range(3):
        chain, _, _, _ = ops.parallel_tempering(
            chain, weight, b, c, base, BETAS, 100, visible_units="gaussian"
        )
    for states, (mean, variance) in zip(chain, expected, strict=True):
        count = len(states)
        assert ((states.mean(0) - mean).abs() < 5 * (variance / count).sqrt()).all()
        spread = (states - mean).square()
        assert ((spread.mean(0) - variance).abs() < 5 * spread.std(0) / count**0.5).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"chain": torch.zeros(3, 7, 6).double()}, ValueError, r"\[4, chains, visible\]"),
        ({"chain": torch.zeros(28, 6).double()}, ValueError, r"\[4, chains, visible\]"),
        ({"betas": BETAS.float()}, TypeError, "betas of dtype torch.float64"),
        ({"steps": -1}, ValueError, "steps >= 0"),
        ({"base": torch.zeros(5).double()}, ValueError, "base_visible_bias"),
    ],
)
def test_bad_input(model, base, change, error, message):
    given = {"chain": torch.zeros(4, 7, 6).double(), "base": base, "betas": BETAS, "steps": 1}
    given |= change
    with pytest.raises(error, match="parallel_tempering.*" + message):
        ops.parallel_tempering(
            given["chain"], *model.parameters, given["base"], given["betas"], given["steps"]
        )
