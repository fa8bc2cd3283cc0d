"""What every training loss must do, and what sets each of them apart."""

import functools

import pytest
import torch
from torch import nn

import torch_rbm
from tests.enumeration import Model, total_variation, total_variation_limit
from torch_rbm import losses

SAMPLED = [
    torch_rbm.ContrastiveDivergence,
    torch_rbm.PersistentContrastiveDivergence,
    torch_rbm.FastPersistentContrastiveDivergence,
    torch_rbm.ParallelTempering,
    torch_rbm.TrajectoryTempering,
]
ALL = [*SAMPLED, torch_rbm.MeanFieldContrastiveDivergence, torch_rbm.ExactLikelihood]


def rbm_of(model: Model) -> torch_rbm.RBM:
    rbm = torch_rbm.RBM(len(model.visible_bias), len(model.hidden_bias), dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in zip(rbm.parameters(), model.parameters, strict=True):
            parameter.copy_(value)
    return rbm


@pytest.fixture
def model():
    return Model.random(6, 4, seed=8)


def test_these_are_all():
    assert {getattr(losses, name) for name in losses.__all__} == set(ALL)


@pytest.mark.parametrize("kind", ALL)
def test_bias_is_stated(kind):
    assert "Bias: " in kind.__doc__


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("centered", [False, True])
def test_training_raises_the_likelihood(kind, centered, patterns):
    """Above that of independent pixels, which the biases start from; the noise leaves 5.2 nats."""
    data, _ = patterns
    rbm = torch_rbm.RBM(12, 4)
    torch_rbm.initialize(rbm, data)
    before = torch_rbm.log_likelihood(rbm, data).value
    torch_rbm.fit(
        rbm,
        data,
        epochs=60,
        batch_size=20,
        loss=functools.partial(kind, centered=centered),
        progress=False,
    )
    assert torch_rbm.log_likelihood(rbm, data).value > before + 4


@pytest.mark.parametrize("kind", SAMPLED)
@pytest.mark.parametrize("centered", [False, True])
def test_gradients_without_autograd_are_the_same(model, kind, centered):
    """Left twice: into empty places, and added to what is there."""
    data = model.sample(50)
    observed = torch.arange(6) < 4
    results = []
    for direct in (False, True):
        torch.manual_seed(2)
        rbm = rbm_of(model)
        loss = kind(rbm, centered=centered)
        assert loss.is_direct
        values = []
        for arguments in ((None,), (None, observed)):
            if direct:
                values.append(loss.leave_gradients(data, *arguments))
            else:
                values.append(loss(data, *arguments))
                values[-1].backward()
        results.append([*values, *(p.grad for p in rbm.parameters()), *loss.buffers()])
    for one, other in zip(*results, strict=True):
        assert one.equal(other)


def test_what_autograd_is_needed_for(model):
    class Weighted(torch_rbm.ContrastiveDivergence):
        def forward(self, *arguments):
            return 2 * super().forward(*arguments)

    rbm = rbm_of(model)
    assert not Weighted(rbm).is_direct
    rbm.hidden_bias.requires_grad_(False)
    assert not torch_rbm.ContrastiveDivergence(rbm).is_direct
    precise = torch_rbm.RBM(3, 2, visible_units="gaussian", learn_precision=True)
    assert not torch_rbm.ContrastiveDivergence(precise).is_direct
    hooked = torch_rbm.ContrastiveDivergence(rbm_of(model))
    assert hooked.is_direct
    hooked.register_forward_hook(lambda *_: None)
    assert not hooked.is_direct
    computed = rbm_of(model)
    nn.utils.parametrizations.weight_norm(computed)
    assert not torch_rbm.ContrastiveDivergence(computed).is_direct


@pytest.mark.parametrize(
    "kind",
    [
        torch_rbm.PersistentContrastiveDivergence,
        torch_rbm.ParallelTempering,
        torch_rbm.TrajectoryTempering,
    ],
)
def test_the_chains_of_a_model_at_rest_are_its_samples(kind, model):
    torch.manual_seed(2)
    loss = kind(rbm_of(model), chains=20_000)
    for _ in range(60):
        loss(torch.zeros(1, 6).double())
    chain = loss.chain[-1] if loss.chain.dim() == 3 else loss.chain
    p = model.probabilities()
    counts = torch.bincount((chain @ 2 ** torch.arange(6).double()).long(), minlength=64)
    assert total_variation(counts.double(), p) < total_variation_limit(p, len(chain))


@pytest.mark.parametrize("kind", SAMPLED[1:])
def test_chains_go_into_the_state(kind, model):
    torch.manual_seed(3)
    loss = kind(rbm_of(model), chains=7)
    for _ in range(3):
        loss(torch.ones(4, 6).double())
    other = kind(rbm_of(model), chains=7)
    other.load_state_dict(loss.state_dict())
    keys = [torch.Generator().manual_seed(5) for _ in range(2)]
    values = [m(torch.ones(4, 6).double(), g) for m, g in zip((loss, other), keys, strict=True)]
    assert values[0].equal(values[1])
    assert loss.chain.equal(other.chain)
    loss.eval()
    before = loss.chain.clone()
    loss(torch.ones(4, 6).double())
    assert loss.chain.equal(before)


class TestMeanField:
    def test_the_estimate(self, model):
        """Means passed back and forth, and the statistics of where they arrive."""
        weight, b, c = model.parameters
        data = Model.random(6, 4, seed=1).sample(50)
        rbm = rbm_of(model)
        torch_rbm.MeanFieldContrastiveDivergence(rbm, steps=3)(data).backward()
        v = data
        for _ in range(3):
            v = torch.sigmoid(b + torch.sigmoid(c + v @ weight.T) @ weight)
        h, h_data = torch.sigmoid(c + v @ weight.T), torch.sigmoid(c + data @ weight.T)
        torch.testing.assert_close(rbm.weight.grad, (h.T @ v - h_data.T @ data) / 50)
        torch.testing.assert_close(rbm.visible_bias.grad, v.mean(0) - data.mean(0))

    def test_missing_values(self, model):
        """A missing unit is as if it were not there."""
        data = Model.random(6, 4, seed=1).sample(20)
        observed = torch.tensor([True, True, False, True, True, True])
        rbm = rbm_of(model)
        torch_rbm.MeanFieldContrastiveDivergence(rbm, steps=2)(
            data.masked_fill(~observed, torch.nan), observed=observed
        ).backward()
        weight, b, c = model.parameters
        small = rbm_of(Model(weight[:, observed], b[observed], c))
        torch_rbm.MeanFieldContrastiveDivergence(small, steps=2)(data[:, observed]).backward()
        torch.testing.assert_close(rbm.weight.grad[:, observed], small.weight.grad)
        assert (rbm.weight.grad[:, ~observed] == 0).all()


class TestFastWeights:
    def test_fast_weights_follow_the_gradient_and_decay(self, model):
        rbm = rbm_of(model)
        loss = torch_rbm.FastPersistentContrastiveDivergence(rbm, fast_rate=0.5, fast_decay=0.9)
        expected = torch.zeros_like(rbm.weight)
        for _ in range(3):
            rbm.zero_grad()
            loss(torch.ones(5, 6).double()).backward()
            expected = 0.9 * expected - 0.5 * rbm.weight.grad
            torch.testing.assert_close(loss.fast_weight, expected.detach())

    def test_without_them_it_is_pcd(self, model):
        data = Model.random(6, 4, seed=1).sample(30)
        grads = []
        for kind in (
            torch_rbm.PersistentContrastiveDivergence,
            functools.partial(torch_rbm.FastPersistentContrastiveDivergence, fast_rate=0.0),
        ):
            torch.manual_seed(4)
            rbm = rbm_of(model)
            loss = kind(rbm, chains=10_000)
            for _ in range(10):
                rbm.zero_grad()
                loss(data).backward()
            grads.append(rbm.weight.grad)
        # Both are means over 10 000 chains, of variables within [0, 1].
        assert (grads[0] - grads[1]).abs().max() < 5 * (0.25 * 2 / 10_000) ** 0.5

    @pytest.mark.parametrize("option", [{"fast_rate": -1}, {"fast_decay": 1.0}])
    def test_bad_options(self, model, option):
        with pytest.raises(ValueError, match=r"FastPersistent.*expected fast_"):
            torch_rbm.FastPersistentContrastiveDivergence(rbm_of(model), **option)


class TestParallelTempering:
    """Two far modes: 12 visible units that agree, by one strong hidden unit, one mode heavier."""

    weight = 8.0

    def two_modes(self) -> torch_rbm.RBM:
        rbm = torch_rbm.RBM(12, 1, dtype=torch.float64)
        with torch.no_grad():
            rbm.weight.fill_(self.weight)
            rbm.visible_bias.fill_(-self.weight / 2)
            rbm.hidden_bias.fill_(-self.weight * 6 + 1)
        return rbm

    def test_states_cross_where_gibbs_steps_do_not(self):
        torch.manual_seed(6)
        rbm = self.two_modes()
        loss = torch_rbm.ParallelTempering(rbm, chains=200, temperatures=3)
        loss.base_visible_bias.zero_()
        loss.reset_chain()
        loss.chain.zero_()  # all in one mode
        stuck, _ = rbm.gibbs(loss.chain[-1], 1000)
        assert stuck.mean() < 0.05
        for _ in range(3000):
            loss(torch.zeros(1, 12).double())
        # Between 3 temperatures nothing passes; the module has added what it needs.
        assert len(loss.betas) > 3
        assert loss.betas[0] == 0
        assert loss.betas[-1] == 1
        assert (loss.betas.diff() > 0).all()
        rates = loss.rates()
        assert rates.min() > 0.2
        assert rates.max() - rates.min() < 0.15
        assert loss.round_trips > 200
        # p(heavier mode), by enumeration of the hidden unit; 200 chains at least once refreshed.
        field = torch.tensor(1.0) - self.weight * 6
        log_odds = (
            field
            + 12 * torch.nn.functional.softplus(torch.tensor(self.weight / 2))
            - (12 * torch.nn.functional.softplus(torch.tensor(-self.weight / 2)))
        )
        p = torch.sigmoid(log_odds).item()
        share = (loss.chain[-1].mean(1) > 0.5).double().mean().item()
        assert abs(share - p) < 5 * (p * (1 - p) / 200) ** 0.5

    def test_temperatures_that_are_too_many_are_taken_away(self, model):
        torch.manual_seed(7)
        loss = torch_rbm.ParallelTempering(rbm_of(model), chains=50, temperatures=20)
        for _ in range(2500):
            loss(torch.zeros(1, 6).double())
        assert len(loss.betas) < 8
        assert loss.rates().min() > 0.2

    def test_fixed_temperatures(self, model):
        loss = torch_rbm.ParallelTempering(rbm_of(model), chains=5, acceptance=None)
        betas = loss.betas.clone()
        for _ in range(250):
            loss(torch.zeros(1, 6).double())
        assert loss.betas.equal(betas)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"temperatures": 1}, "temperatures >= 2, got 1"),
            ({"acceptance": 1.5}, r"acceptance in \(0, 1\), got 1.5"),
            ({"temperatures": 10, "max_temperatures": 5}, "max_temperatures >= 10, got 5"),
            ({"steps": 0}, "steps >= 1, got 0"),
        ],
    )
    def test_bad_options(self, model, options, message):
        with pytest.raises(ValueError, match=message):
            torch_rbm.ParallelTempering(rbm_of(model), **options)


@pytest.mark.parametrize("centered", [False, True])
def test_gradient_of_learned_precisions(centered):
    """∂F/∂log γ = γv²/2, under the data minus under the chains."""
    torch.manual_seed(9)
    rbm = torch_rbm.RBM(5, 3, visible_units="gaussian", learn_precision=True, dtype=torch.float64)
    with torch.no_grad():
        rbm.visible_log_precision.normal_()
        rbm.weight.normal_()
    data = torch.randn(40, 5, dtype=torch.float64)
    loss = torch_rbm.PersistentContrastiveDivergence(rbm, chains=30, centered=centered)
    loss(data).backward()
    moments = (data.square().mean(0) - loss.chain.square().mean(0)) / 2
    expected = rbm.visible_precision() * moments
    torch.testing.assert_close(rbm.visible_log_precision.grad, expected.detach())
