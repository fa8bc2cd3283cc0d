"""RBMs of all unit types as modules: training, evaluation, initialisation and data."""

import functools
import io
import itertools

import pytest
import torch

import torch_rbm
from tests.quadrature import MIXED, PAIRINGS, Model, is_continuous, size_of, unit_nodes
from torch_rbm import ops

pairings = pytest.mark.parametrize("pairing", PAIRINGS, ids=[f"{v} x {h}" for v, h in PAIRINGS])


def make_rbm(model: Model, **options) -> torch_rbm.RBM:
    """An RBM with the parameters of a model; precisions of hidden units must be 1."""
    rbm = torch_rbm.RBM(
        len(model.visible_bias),
        len(model.hidden_bias),
        visible_units=model.visible_units,
        hidden_units=model.hidden_units,
        learn_precision=is_continuous(model.visible_units),
        dtype=torch.float64,
        **options,
    )
    with torch.no_grad():
        rbm.weight.copy_(model.weight)
        rbm.visible_bias.copy_(model.visible_bias)
        rbm.hidden_bias.copy_(model.hidden_bias)
        if rbm.visible_log_precision is not None:
            rbm.visible_log_precision.copy_(model.visible_precision.log())
    return rbm


@functools.cache
def model_of(pairing) -> Model:
    random = Model.random(*pairing)
    one = torch.ones_like(random.hidden_precision)
    return Model(*pairing, *random.parameters, random.visible_precision, one)


def fit_exactly(rbm: torch_rbm.RBM, data: torch.Tensor, iterations: int) -> None:
    loss = torch_rbm.ExactLikelihood(rbm)
    optimizer = torch.optim.LBFGS(rbm.parameters(), lr=0.5, max_iter=iterations)

    def closure():
        optimizer.zero_grad()
        value = loss(data)
        value.backward()
        return value

    optimizer.step(closure)


def assert_close(actual, expected, tolerance=1e-8):
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


@pairings
def test_the_methods_are_the_operators(pairing):
    model = model_of(pairing)
    rbm = make_rbm(model)
    v, h = model.v[:20], model.h[:20]
    assert_close(rbm.free_energy(v), ops.free_energy(v, *model.parameters, **model.options))
    assert_close(
        rbm.energy(v[:5], h[:5]), ops.energy(v[:5], h[:5], *model.parameters, **model.options)
    )
    assert_close(rbm.visible_mean(h), model.visible_given_hidden()[:20] @ model.v, 1e-3)
    generator = torch.Generator().manual_seed(0)
    visible, hidden = rbm.gibbs(v, 2, None, generator)
    rbm.visible_layer().check("test", "visible", visible, states=True)
    rbm.hidden_layer().check("test", "hidden", hidden, states=True)


@pairings
def test_log_partition_exact_or_estimated(pairing):
    model = model_of(pairing)
    rbm = make_rbm(model)
    torch.manual_seed(0)
    estimate = torch_rbm.log_partition(rbm, progress=False, betas=300, chains=500)
    assert estimate.method == (
        "ais" if "relu" in pairing and all(map(is_continuous, pairing)) else "exact"
    )
    sampled = torch_rbm.log_partition(rbm, method="ais", progress=False, betas=300, chains=500)
    for found in (estimate, sampled):
        assert abs(found.value - model.log_z().item()) < 5 * found.error + 1e-8
    assert sampled.error < 0.05


@pytest.mark.parametrize("pairing", [p for p in PAIRINGS if not is_continuous(p[0])], ids=str)
def test_exact_likelihood_learns_the_distribution(pairing):
    """The exact gradient takes the KL divergence from the data's distribution down to nearly 0."""
    model = model_of(pairing)
    torch.manual_seed(0)
    data = model.sample(60)
    rbm = torch_rbm.RBM(
        size_of(pairing[0]),
        8 if is_continuous(pairing[1]) else size_of(pairing[1]) * 2,
        visible_units=pairing[0],
        hidden_units=pairing[1] if ":" not in pairing[1] else "bernoulli",
        dtype=torch.float64,
    )
    torch_rbm.initialize(rbm, data, weight_std=0.1)
    before = torch_rbm.kl_divergence(rbm, data)
    fit_exactly(rbm, data, 150)
    # Gaussian hidden units make pairwise interactions alone.
    share = 0.5 if pairing[1] == "gaussian" else 0.25
    assert torch_rbm.kl_divergence(rbm, data) < share * before + 1e-3


def exact_conditionals(model: Model) -> torch.Tensor:
    """Σⱼ log p(vⱼ | others) at the visible nodes, from the grid."""
    log_p = -model.free_energies()
    states, log_weights = unit_nodes(model.visible_units)
    size = states.shape[1]
    total = torch.zeros_like(log_p)
    for first in range(0, model.v.shape[1], size):
        others = torch.ones(model.v.shape[1], dtype=torch.bool)
        others[first : first + size] = False
        _, group = torch.unique(model.v[:, others], dim=0, return_inverse=True)
        for number in range(int(group.max()) + 1):
            of = group == number
            total[of] += log_p[of] - torch.logsumexp(log_p[of] + torch.from_numpy(log_weights), 0)
    return total


@pytest.mark.parametrize(
    "pairing",
    [p for p in PAIRINGS if p[0] != MIXED],
    ids=[f"{v} x {h}" for v, h in PAIRINGS if v != MIXED],
)
def test_pseudo_log_likelihood(pairing):
    model = model_of(pairing)
    rbm = make_rbm(model)
    near = (model.v.abs() < 3).all(1).nonzero().flatten()[::37][:10]
    found = torch_rbm.pseudo_log_likelihood(rbm, model.v[near])
    assert_close(found, exact_conditionals(model)[near], 1e-6)
    torch.manual_seed(0)
    row = model.v[near[:1]].expand(4000, -1)
    some = torch_rbm.pseudo_log_likelihood(rbm, row, stochastic=True)
    assert abs(some.mean() - found[0]) < 5 * some.std() / 4000**0.5 + 1e-6


class TestInitialize:
    @pytest.mark.parametrize(
        "units", ["bernoulli", "spin", "categorical(3)", "gaussian", "relu", MIXED]
    )
    @pytest.mark.parametrize("cases", [1, 2000])
    def test_means_without_weights_are_those_of_the_data(self, units, cases):
        model = Model.random(units, "bernoulli")
        torch.manual_seed(0)
        data = model.sample(cases)
        rbm = torch_rbm.RBM(
            size_of(units), 3, visible_units=units, learn_precision=is_continuous(units)
        )
        torch_rbm.initialize(rbm, data, weight_std=0.0)
        assert all(p.isfinite().all() for p in rbm.parameters())
        mean = rbm.visible_mean(torch.zeros(1, 3))[0].double()
        # One or two smoothing cases among so many.
        assert ((mean - data.mean(0)).abs() <= 3 / (cases + 2) + 2e-3).all()

    @pytest.mark.parametrize("units", ["bernoulli", "spin", "gaussian", "relu"])
    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_constant_columns(self, units, value):
        data = torch.full((50, 4), value if units != "spin" else 2 * value - 1)
        rbm = torch_rbm.RBM(
            4, 3, visible_units=units, learn_precision=units in ("gaussian", "relu")
        )
        torch_rbm.initialize(rbm, data)
        loss = torch_rbm.ContrastiveDivergence(rbm)
        loss(data).backward()
        for parameter in rbm.parameters():
            assert parameter.isfinite().all()
            assert parameter.grad.isfinite().all()

    def test_missing_values_are_left_out(self):
        torch.manual_seed(0)
        data = (torch.rand(500, 4) < 0.8).float()
        observed = torch.rand(500, 4) < 0.5
        rbm = torch_rbm.RBM(4, 2)
        torch_rbm.initialize(rbm, torch.where(observed, data, 0.0), observed=observed)
        assert torch.sigmoid(rbm.visible_bias.detach()) == pytest.approx(0.8, abs=0.07)

    def test_bad_arguments(self):
        rbm = torch_rbm.RBM(4, 2)
        with pytest.raises(ValueError, match="weight_std >= 0, got -1"):
            torch_rbm.initialize(rbm, torch.zeros(3, 4), weight_std=-1)
        with pytest.raises(ValueError, match=r"in \[0, 1\].*got 2.0 at position \[0, 0\]"):
            torch_rbm.initialize(rbm, torch.full((3, 4), 2.0))


@pytest.mark.parametrize(
    "pairing",
    list(itertools.product(("bernoulli", "spin"), ("bernoulli", "spin", "gaussian"))),
    ids=str,
)
@pytest.mark.parametrize(("visible", "hidden"), [(True, True), (True, False), (False, True)])
def test_exchanged_spins_have_the_same_likelihoods(pairing, visible, hidden):
    model = model_of(pairing)
    rbm = make_rbm(model)
    other = torch_rbm.exchange_spins(rbm, visible=visible, hidden=hidden)
    assert (other.visible_units != rbm.visible_units) == visible
    v = model.v
    if visible:
        v = 2 * v - 1 if pairing[0] == "bernoulli" else (v + 1) / 2
    log_p = -rbm.free_energy(model.v) - rbm.log_partition()
    assert_close(-other.free_energy(v) - other.log_partition(), log_p, 1e-10)
    back = torch_rbm.exchange_spins(other, visible=visible, hidden=hidden)
    for a, b in zip(back.parameters(), rbm.parameters(), strict=True):
        assert_close(a, b, 1e-12)


def test_exchanged_spins_keep_learned_precisions():
    rbm = torch_rbm.RBM(
        6, 3, visible_units="bernoulli:4, gaussian:2", learn_precision=True, dtype=torch.float64
    )
    with torch.no_grad():
        for parameter in rbm.parameters():
            parameter.normal_()
    other = torch_rbm.exchange_spins(rbm)
    assert other.visible_units == "spin:4, gaussian:2"
    assert other.visible_log_precision.equal(rbm.visible_log_precision)
    v = torch.cat([torch.rand(5, 4).round(), torch.randn(5, 2)], 1).double()
    spins = torch.cat([2 * v[:, :4] - 1, v[:, 4:]], 1)
    log_p = -rbm.free_energy(v) - rbm.log_partition()
    assert_close(-other.free_energy(spins) - other.log_partition(), log_p, 1e-10)


@pytest.mark.parametrize(
    ("units", "error", "message"),
    [
        ("binary", ValueError, 'visible_units to be one of "bernoulli"'),
        ("categorical(4)", ValueError, "a multiple of 4 elements"),
        ([("a", "spin:3, bernoulli", 3)], ValueError, "of one type in each of its groups"),
        ("bernoulli:3, spin:4", ValueError, "groups of 6 elements in all, not 7"),
        ("bernoulli, spin:4", ValueError, "sizes for all groups"),
        ([("a", "bernoulli", 3), ("a", "spin", 3)], ValueError, "different names"),
        ([("a", "bernoulli")], TypeError, "expected visible_units"),
        (7, TypeError, "expected visible_units"),
    ],
)
def test_units_that_are_none(units, error, message):
    with pytest.raises(error, match=message):
        torch_rbm.RBM(6, 4, visible_units=units)


def test_precision_is_learned_where_there_is_one():
    with pytest.raises(ValueError, match="gaussian or relu visible units with learn_precision"):
        torch_rbm.RBM(6, 4, learn_precision=True)


@pytest.mark.parametrize(
    "pairing", [("gaussian", "gaussian"), ("gaussian", "relu"), ("relu", "relu")], ids=str
)
def test_densities_that_cannot_be_normalised(pairing):
    rbm = torch_rbm.RBM(3, 2, visible_units=pairing[0], hidden_units=pairing[1])
    with torch.no_grad():
        rbm.weight.fill_(1.0)
    with pytest.raises(ValueError, match="a density that can be normalised"):
        torch_rbm.log_partition(rbm)
    if pairing == ("gaussian", "gaussian"):
        with pytest.raises(ValueError, match="not positive definite"):
            rbm.log_partition()
    if pairing == ("relu", "relu"):
        with torch.no_grad():
            rbm.weight.fill_(-1.0)  # states that repel each other cannot run away
        assert torch_rbm.log_partition(rbm, betas=50, progress=False).method == "ais"


@pytest.mark.parametrize("units", ["spin", "categorical(3)", "gaussian", "relu", MIXED])
def test_script_and_state_dict(units):
    size = size_of(units)
    rbm = torch_rbm.RBM(
        size, 3, visible_units=units, hidden_units="spin", learn_precision=is_continuous(units)
    )
    torch.nn.init.normal_(rbm.weight)
    v = Model.random(units, "bernoulli").v[:5].float()
    scripted = torch.jit.script(rbm)
    file = io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    loaded = torch.jit.load(file)
    for net in (scripted, loaded):
        torch.testing.assert_close(net(v), rbm(v))
        torch.testing.assert_close(net.free_energy(v), rbm.free_energy(v))
        torch.manual_seed(0)
        states = net.gibbs(v, 2)
        torch.manual_seed(0)
        assert all(a.equal(b) for a, b in zip(states, rbm.gibbs(v, 2), strict=True))
    other = torch_rbm.RBM(
        size, 3, visible_units=units, hidden_units="spin", learn_precision=is_continuous(units)
    )
    other.load_state_dict(rbm.state_dict())
    assert other.free_energy(v).equal(rbm.free_energy(v))
    compiled = torch.compile(lambda x: rbm.free_energy(x) + rbm(x).sum(-1), fullgraph=True)
    torch.testing.assert_close(compiled(v), rbm.free_energy(v) + rbm(v).sum(-1))


def test_learned_precision_recovers_the_generating_one():
    """Data of a known model; the exact gradient finds its precisions again."""
    torch.manual_seed(0)
    truth = torch_rbm.RBM(6, 3, visible_units="gaussian", learn_precision=True, dtype=torch.float64)
    with torch.no_grad():
        truth.weight.normal_(std=1.5)
        truth.visible_log_precision.copy_(torch.tensor([0.25, 0.5, 1.0, 2.0, 4.0, 8.0]).log())
        start = torch.zeros(20_000, 6, dtype=torch.float64)
        data, _ = truth.gibbs(start, 200)
    rbm = torch_rbm.RBM(6, 3, visible_units="gaussian", learn_precision=True, dtype=torch.float64)
    torch_rbm.initialize(rbm, data, weight_std=0.1)
    fit_exactly(rbm, data, 300)
    ratio = rbm.visible_precision() / truth.visible_precision()
    print("precisions, learned / generating:", [f"{r:.3f}" for r in ratio.tolist()])
    assert (ratio.log().abs() < 0.1).all()
    own = torch_rbm.log_likelihood(truth, data).value
    assert torch_rbm.log_likelihood(rbm, data).value > own - 0.002
