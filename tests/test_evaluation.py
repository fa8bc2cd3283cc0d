"""Likelihoods and their error bars, judged by enumeration.

Seeds are fixed. A bound of 5 standard errors is crossed by a right estimate with a probability
below 6e-7, where it is about normal; other error rates stand beside their test.
"""

import math

import pytest
import torch

import torch_rbm
from tests.enumeration import Model, all_states, state_counts, state_numbers
from torch_rbm.evaluation import bennett, effective_weights

CHAINS = 100


def make_rbm(model: Model, dtype: torch.dtype = torch.float64) -> torch_rbm.RBM:
    rbm = torch_rbm.RBM(len(model.visible_bias), len(model.hidden_bias), dtype=dtype)
    rbm.load_state_dict(dict(zip(rbm.state_dict(), model.to(dtype).parameters, strict=True)))
    return rbm


def bars_and_stripes(side: int) -> torch.Tensor:
    """The unique pictures whose rows, or whose columns, are each all on or all off."""
    lines = all_states(side)
    rows = lines[:, :, None].expand(-1, side, side)
    return torch.cat([rows, rows[1:-1].mT]).reshape(-1, side * side)


@pytest.fixture
def larger() -> Model:
    return Model.random(10, 6, seed=2, scale=0.7)


class TestSchedule:
    def test_the_published_one(self):
        betas = torch_rbm.ais_schedule(14_500)
        assert len(betas) == 14_500
        assert betas[0] == 0
        assert betas[-1] == 1
        assert (betas.diff() > 0).all()
        counts = [(betas < 0.5).sum(), ((betas >= 0.5) & (betas < 0.9)).sum(), (betas >= 0.9).sum()]
        assert [abs(c - n) <= 1 for c, n in zip(counts, [500, 4000, 10_000], strict=True)] == [
            True
        ] * 3

    def test_two_values_are_the_ends(self):
        assert torch_rbm.ais_schedule(2).tolist() == [0, 1]


class TestLogPartition:
    def test_auto_is_exact_where_it_can_be(self, model):
        estimate = torch_rbm.log_partition(make_rbm(model))
        assert estimate.method == "exact"
        assert estimate.value == pytest.approx(model.log_z().item(), abs=1e-10)
        assert (estimate.error, estimate.ess) == (0.0, math.inf)
        assert estimate.lower == estimate.upper == estimate.value
        assert estimate.reliable

    def test_auto_is_ais_where_it_cannot_be(self):
        rbm = torch_rbm.RBM(30, 21)
        estimate = torch_rbm.log_partition(rbm, betas=50, chains=10, progress=False)
        assert estimate.method == "ais"

    @pytest.mark.parametrize(("count", "tolerance"), [(100, 0.5), (1000, 0.05), (10_000, 0.005)])
    def test_ais_is_as_near_as_it_should_be(self, larger, count, tolerance):
        rbm = make_rbm(larger)
        data = larger.sample(100)
        estimate = torch_rbm.log_partition(
            rbm, method="ais", data=data, chains=CHAINS, betas=count, progress=False
        )
        assert abs(estimate.value - larger.log_z()) < tolerance
        assert estimate.reliable

    def test_the_bracket_holds_on_average(self, larger):
        """E[forward] ≤ log Z ≤ E[reverse], with few temperatures, where both err visibly."""
        rbm = make_rbm(larger)
        ends = []
        for _ in range(200):
            estimate = torch_rbm.log_partition(
                rbm,
                method="ais",
                chains=5,
                betas=6,
                samples=larger.sample(5),
                progress=False,
            )
            ends.append((estimate.lower, estimate.upper))
        low, high = torch.tensor(ends, dtype=torch.float64).unbind(1)
        log_z = larger.log_z()
        assert low.mean() + 5 * low.std() / len(ends) ** 0.5 < log_z
        assert high.mean() - 5 * high.std() / len(ends) ** 0.5 > log_z

    def test_errors_are_as_large_as_they_say(self, larger):
        """(estimate − log Z) / error has variance 1: 100 of them have a mean square in
        0.5 to 1.73 but for a chance of 2e-5, by the quantiles of χ² with 100 degrees of freedom."""
        rbm = make_rbm(larger)
        log_z = larger.log_z().item()
        scores = []
        for _ in range(100):
            estimate = torch_rbm.log_partition(
                rbm,
                method="ais",
                chains=CHAINS,
                betas=30,
                samples=larger.sample(CHAINS),
                progress=False,
            )
            scores.append((estimate.value - log_z) / estimate.error)
        square = sum(score**2 for score in scores) / len(scores)
        print(f"mean squared error in units of the error bar: {square:.2f}")
        assert 0.5 < square < 1.73

    def test_base_rates_help(self, larger):
        larger.visible_bias += torch.linspace(-4, 4, 10, dtype=torch.float64)
        rbm = make_rbm(larger)
        options = {"method": "ais", "betas": 30, "progress": False}
        with_rates = torch_rbm.log_partition(rbm, data=larger.sample(500), **options)
        without = torch_rbm.log_partition(make_rbm(larger), **options)
        assert with_rates.ess > 0
        assert abs(with_rates.value - larger.log_z()) < 5 * with_rates.error + 0.02
        assert abs(without.value - larger.log_z()) < 5 * without.error + 0.05

    def test_without_weights_it_is_in_closed_form(self, larger):
        larger.weight.zero_()
        biases = torch.cat([larger.visible_bias, larger.hidden_bias])
        closed = torch.nn.functional.softplus(biases).sum().item()
        rbm = make_rbm(larger)
        assert torch_rbm.log_partition(rbm).value == pytest.approx(closed, abs=1e-10)
        estimate = torch_rbm.log_partition(rbm, method="ais", betas=20, progress=False)
        assert abs(estimate.value - closed) < 5 * estimate.error + 1e-9

    def test_the_same_generator_gives_the_same_estimate(self, larger):
        values = [
            torch_rbm.log_partition(
                make_rbm(larger),
                method="ais",
                betas=100,
                progress=False,
                generator=torch.Generator().manual_seed(3),
            )
            for _ in range(2)
        ]
        assert values[0] == values[1]

    def test_words(self, model):
        assert str(torch_rbm.log_partition(make_rbm(model))).endswith("nats (exact)")
        few = torch_rbm.log_partition(
            make_rbm(model), method="ais", chains=4, betas=5, progress=False
        )
        assert not few.reliable
        assert "too few" in str(few)


class TestLogLikelihood:
    def test_exact(self, model, data):
        estimate = torch_rbm.log_likelihood(make_rbm(model), data)
        log_p = model.probabilities().log()
        assert estimate.value == pytest.approx(log_p[state_numbers(data)].mean().item(), abs=1e-10)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_ais_agrees_with_exact_within_its_error(self, larger, dtype):
        rbm = make_rbm(larger, dtype)
        data = larger.sample(200).to(dtype)
        exact = torch_rbm.log_likelihood(rbm, data)
        ais = torch_rbm.log_likelihood(rbm, data, method="ais", betas=1000, progress=False)
        assert abs(ais.value - exact.value) < 5 * ais.error
        assert ais.lower < ais.upper

    @pytest.mark.parametrize("method", ["exact", "ais"])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_one_row_and_any_dtype(self, model, method, dtype):
        rbm = make_rbm(model, dtype)
        rounded = Model(*(p.detach().double() for p in rbm.parameters()))
        row = torch.tensor([0, 1, 1, 0, 0, 1])
        expected = rounded.probabilities()[state_numbers(row)].log().item()
        for visible in (row.double(), row.bool()):
            estimate = torch_rbm.log_likelihood(
                rbm, visible, method=method, betas=300, progress=False
            )
            # Sampling takes its fields in float32, whatever the dtype of the parameters.
            assert abs(estimate.value - expected) < 5 * estimate.error + 1e-5

    def test_bool_rows_and_many_of_them(self, model):
        states = model.sample(20_000)
        rbm = make_rbm(model)
        of_bool = torch_rbm.log_likelihood(rbm, states.bool())
        assert of_bool.value == pytest.approx(torch_rbm.log_likelihood(rbm, states).value)

    def test_kl_divergence(self, model):
        states = model.sample(500)
        counts = state_counts(states, 6)
        p = counts / counts.sum()
        seen = p > 0
        expected = (p[seen] * (p[seen] / model.probabilities()[seen]).log()).sum().item()
        assert torch_rbm.kl_divergence(make_rbm(model), states) == pytest.approx(expected)


class TestBadInput:
    @pytest.mark.parametrize("name", ["weight", "visible_bias", "hidden_bias"])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_parameters_must_be_finite(self, model, name, value):
        rbm = make_rbm(model)
        with torch.no_grad():
            getattr(rbm, name).view(-1)[0] = value
        with pytest.raises(ValueError, match=f"log_partition: expected {name} to be finite, got"):
            torch_rbm.log_partition(rbm)

    @pytest.mark.parametrize(
        ("visible", "message"),
        [
            (
                torch.full((2, 6), 0.5),
                r"to be 0 or 1, got 0\.5 at position \[0, 0\]; torch",
            ),
            (torch.full((2, 6), math.nan), "got nan"),
            (torch.zeros(0, 6), "at least one case"),
            (torch.zeros(()), r"visible of shape \[..., 6\], got \[\]"),
            (torch.zeros(3, 7), r"visible of shape \[..., 6\], got \[3, 7\]"),
        ],
    )
    def test_states(self, visible, message):
        with pytest.raises(ValueError, match=message):
            torch_rbm.log_likelihood(torch_rbm.RBM(6, 4), visible)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"method": "AIS"}, ValueError, "method to be one of .* got 'AIS'"),
            ({"method": "ais", "chains": 1}, ValueError, "chains >= 2, got 1"),
            ({"method": "ais", "betas": 1}, ValueError, "count >= 2, got 1|betas >= 2, got 1"),
            ({"method": "ais", "betas": 2.5}, TypeError, "betas to be an int"),
            ({"method": "ais", "betas": torch.tensor([0.0, 0.5])}, ValueError, "from 0 to 1"),
            ({"method": "ais", "data": torch.zeros(3, 7)}, ValueError, r"data of shape \[..., 6\]"),
            ({"method": "ais", "samples": torch.zeros(6)}, ValueError, "rows of samples >= 2"),
            ({"method": "ais", "samples": torch.full((2, 6), 0.5)}, ValueError, "samples to be 0"),
        ],
    )
    def test_options(self, options, error, message):
        with pytest.raises(error, match=message):
            torch_rbm.log_partition(torch_rbm.RBM(6, 4), **options, progress=False)

    def test_too_large_names_the_alternative(self):
        with pytest.raises(ValueError, match=r"2\^25 states .*method ais, estimates log Z"):
            torch_rbm.log_partition(torch_rbm.RBM(30, 26), method="exact")

    def test_no_model(self):
        with pytest.raises(TypeError, match="expected an RBM, got int 3"):
            torch_rbm.log_partition(3)


class TestEdges:
    def test_no_hidden_units(self):
        rbm = torch_rbm.RBM(5, 0)
        assert torch_rbm.log_partition(rbm).value == pytest.approx(5 * math.log(2))
        assert torch_rbm.log_likelihood(rbm, torch.ones(3, 5)).value == pytest.approx(
            -5 * math.log(2)
        )
        ais = torch_rbm.log_partition(rbm, method="ais", betas=5, progress=False)
        assert ais.value == pytest.approx(5 * math.log(2))

    def test_one_visible_unit(self):
        model = Model.random(1, 3)
        value = torch_rbm.log_partition(make_rbm(model)).value
        assert value == pytest.approx(model.log_z().item(), abs=1e-10)

    def test_a_nan_parameter_gives_nan_not_a_number(self):
        rbm = torch_rbm.RBM(4, 3)
        with torch.no_grad():
            rbm.weight[0, 0] = math.nan
        assert rbm.log_partition().isnan()
        assert rbm.free_energy(torch.ones(2, 4)).isnan().all()
        visible, hidden = rbm.gibbs(torch.ones(2, 4))
        assert hidden[:, 0].isnan().all()
        assert visible.shape == (2, 4)

    def test_infinite_biases_fix_their_units(self):
        rbm = torch_rbm.RBM(4, 3)
        with torch.no_grad():
            rbm.visible_bias[0], rbm.visible_bias[1] = math.inf, -math.inf
        visible, _ = rbm.gibbs(torch.zeros(100, 4), steps=3)
        assert visible[:, 0].eq(1).all()
        assert visible[:, 1].eq(0).all()


class TestBennett:
    def test_constant_weights_give_the_exact_ratio(self):
        weight = torch.full((10,), 0.7, dtype=torch.float64)
        ratio, error = bennett(weight, -weight[:3])
        assert ratio == pytest.approx(0.7, abs=1e-12)
        assert error == pytest.approx(0, abs=1e-7)

    @pytest.mark.parametrize("counts", [(20_000, 20_000), (40_000, 4_000), (400, 40_000)])
    def test_gaussians(self, counts):
        """Two unit Gaussians at 0 and 1 whose partition functions differ by exp(0.4)."""
        g = torch.Generator().manual_seed(1)
        at_0 = torch.randn(counts[0], generator=g, dtype=torch.float64)
        at_1 = 1 + torch.randn(counts[1], generator=g, dtype=torch.float64)

        def log_ratio(x: torch.Tensor) -> torch.Tensor:
            return 0.4 + x - 0.5

        ratio, error = bennett(log_ratio(at_0), -log_ratio(at_1))
        assert abs(ratio - 0.4) < 5 * error
        assert error < 0.1

    def test_effective_weights(self):
        assert effective_weights(torch.zeros(7, dtype=torch.float64)) == pytest.approx(7)
        lone = torch.tensor([0.0, -1000.0], dtype=torch.float64)
        assert effective_weights(lone) == pytest.approx(1)


class TestExactLikelihood:
    def test_value_and_gradient(self, model, data):
        rbm = make_rbm(model)
        loss = torch_rbm.ExactLikelihood(rbm)(data)
        assert loss.item() == pytest.approx(-torch_rbm.log_likelihood(rbm, data).value)
        loss.backward()
        for parameter, expected in zip(
            rbm.parameters(), model.gradient(data, model.probabilities()), strict=True
        ):
            torch.testing.assert_close(parameter.grad, expected, rtol=0, atol=1e-10)

    def test_bars_and_stripes_are_learned_to_the_optimum(self):
        """The sum over the 14 pictures comes within 1 % of −36.947."""
        torch.manual_seed(0)
        data = bars_and_stripes(3)
        rbm = torch_rbm.RBM(9, 12, dtype=torch.float64)
        torch.nn.init.normal_(rbm.weight, std=0.5)
        loss = torch_rbm.ExactLikelihood(rbm)
        optimizer = torch.optim.Adam(rbm.parameters(), lr=0.05)
        for _ in range(1500):
            optimizer.zero_grad()
            loss(data).backward()
            optimizer.step()
        total = 14 * torch_rbm.log_likelihood(rbm, data).value
        print(f"log-likelihood of the 14 pictures: {total:.3f}, at best -36.947")
        assert -36.947 * 1.01 < total < -36.946
        assert torch_rbm.kl_divergence(rbm, data) < 0.027

    def test_in_fit(self, data):
        rbm = torch_rbm.RBM(6, 4)
        history = torch_rbm.fit(
            rbm, data, epochs=20, loss=torch_rbm.ExactLikelihood, progress=False
        )
        values = history.losses
        assert values[-1] < values[0]

    def test_data_are_checked(self):
        with pytest.raises(ValueError, match="ExactLikelihood: expected data in"):
            torch_rbm.ExactLikelihood(torch_rbm.RBM(2, 2))(torch.full((1, 2), 2.0))
