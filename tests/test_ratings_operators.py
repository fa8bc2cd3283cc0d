"""The operators of ratings against enumeration, and the kernels against the formulas."""

import itertools

import pytest
import torch

from tests.test_kernels import with_path
from torch_rbm.ratings import operators

ITEMS, LEVELS, HIDDEN = 4, 3, 3
KEY = torch.tensor([3, 1])


def model(items=ITEMS, levels=LEVELS, hidden=HIDDEN, scale=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(items + hidden)
    return tuple(
        (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(dtype)
        for shape in ((items, levels, hidden), (items, levels), (hidden,))
    )


def random_ratings(cases, items, levels, most=None):
    """Every case has some items, and the second none."""
    generator = torch.Generator().manual_seed(cases)
    rated, counts = [], []
    for case in range(cases):
        count = int(torch.randint(0, (most or items) + 1, (), generator=generator))
        chosen = torch.randperm(items, generator=generator)[: 0 if case == 1 else count]
        rated.append(chosen)
        counts.append(len(chosen))
    crow = torch.tensor([0, *itertools.accumulate(counts)])
    chosen = torch.cat(rated)
    return crow, chosen, torch.randint(levels, chosen.shape, generator=generator)


class Enumeration:
    """One case that has rated `items`: every vector of levels and every hidden state."""

    def __init__(self, items, parameters):
        weight, visible_bias, hidden_bias = parameters
        self.items = items
        self.levels = torch.tensor(list(itertools.product(range(LEVELS), repeat=len(items))))
        self.hidden = torch.tensor(list(itertools.product((0.0, 1.0), repeat=HIDDEN))).double()
        fields = sum(weight[i, self.levels[:, n]] for n, i in enumerate(items))
        biases = sum(visible_bias[i, self.levels[:, n]] for n, i in enumerate(items))
        self.energy = -biases[:, None] - fields @ self.hidden.T - self.hidden @ hidden_bias

    def free_energy(self):
        return -torch.logsumexp(-self.energy, 1)

    def hidden_given_levels(self):
        return torch.softmax(-self.energy, 1)

    def levels_given_hidden(self):
        return torch.softmax(-self.energy, 0).T

    def distribution(self):
        return torch.softmax(-self.free_energy(), 0)

    def step(self):
        """p(levels after a Gibbs step | levels)."""
        return self.hidden_given_levels() @ self.levels_given_hidden()

    def ratings(self):
        """Every vector of levels as the ratings of a case of its own."""
        count = len(self.levels)
        crow = torch.arange(count + 1) * len(self.items)
        return crow, torch.tensor(self.items).repeat(count), self.levels.flatten()

    def statistics(self, probability):
        """⟨h⟩ at every level of every item, how often the level is there, and ⟨h⟩."""
        hidden = self.hidden_given_levels() @ self.hidden
        weight = torch.zeros(ITEMS, LEVELS, HIDDEN, dtype=torch.float64)
        visible = torch.zeros(ITEMS, LEVELS, dtype=torch.float64)
        for n, i in enumerate(self.items):
            weight[i].index_add_(0, self.levels[:, n], hidden * probability[:, None])
            visible[i].index_add_(0, self.levels[:, n], probability)
        return weight, visible, probability @ hidden


RATED = [0, 2, 3]


class TestAgainstEnumeration:
    def test_free_energies_and_hidden_means(self):
        parameters = model()
        weight, _, hidden_bias = parameters
        exact = Enumeration(RATED, parameters)
        ratings = exact.ratings()
        free_energy = operators.free_energy(*ratings, *parameters)
        torch.testing.assert_close(free_energy, exact.free_energy())
        means = operators.hidden_mean(*ratings, weight, hidden_bias)
        torch.testing.assert_close(means, exact.hidden_given_levels() @ exact.hidden)

    def test_means_of_levels(self):
        parameters = model()
        weight, visible_bias, _ = parameters
        exact = Enumeration(RATED, parameters)
        states = exact.hidden
        crow = torch.arange(len(states) + 1) * len(RATED)
        items = torch.tensor(RATED).repeat(len(states))
        means = operators.visible_mean(crow, items, states, weight, visible_bias)
        expected = torch.stack(
            [
                exact.levels_given_hidden() @ (exact.levels == level).double()
                for level in range(LEVELS)
            ],
            -1,
        )
        torch.testing.assert_close(means, expected.flatten(0, 1))

    @pytest.mark.parametrize("rated", [[0, 2, 3], [1], []])
    def test_predictions(self, rated):
        """By what the free energy says of every level of the item that is asked for."""
        parameters = model()
        levels = torch.tensor([1, 0, 2])[: len(rated)]
        asked = [i for i in range(ITEMS) if i not in rated]
        crow = torch.tensor([0, len(rated)])
        probabilities = operators.predict(
            crow,
            torch.tensor(rated, dtype=torch.int64),
            levels,
            torch.tensor([0, len(asked)]),
            torch.tensor(asked),
            *parameters,
        )
        for row, item in zip(probabilities, asked, strict=True):
            exact = Enumeration([*rated, item], parameters)
            here = (exact.levels[:, :-1] == levels).all(1)
            expected = torch.softmax(-exact.free_energy()[here], 0)
            torch.testing.assert_close(row, expected)

    @pytest.mark.parametrize("steps", [0, 1, 3])
    @pytest.mark.parametrize("sampled_hidden", [False, True])
    def test_expected_gradients(self, steps, sampled_hidden):
        parameters = model()
        exact = Enumeration(RATED, parameters)
        start = torch.zeros(len(exact.levels), dtype=torch.float64)
        given = torch.tensor([2, 0, 1])
        start[(exact.levels == given).all(1)] = 1
        end = start @ torch.linalg.matrix_power(exact.step(), steps)
        expected = [
            negative - positive
            for negative, positive in zip(
                exact.statistics(end), exact.statistics(start), strict=True
            )
        ]
        copies, calls = 400, 60
        crow = torch.arange(copies + 1) * len(RATED)
        ratings = crow, torch.tensor(RATED).repeat(copies), given.repeat(copies)
        estimates = [
            operators.contrastive_divergence(
                *ratings,
                *parameters,
                steps,
                sampled_hidden=sampled_hidden,
                key=torch.tensor([seed, 0]),
            )[:3]
            for seed in range(calls)
        ]
        for mean, values in zip(expected, zip(*estimates, strict=True), strict=True):
            values = torch.stack(values)
            error = values.std(0) / calls**0.5
            assert ((values.mean(0) - mean).abs() <= 5 * error + 1e-12).all()

    def test_chains_stay_in_the_distribution(self):
        parameters = model()
        exact = Enumeration(RATED, parameters)
        count = 40_000
        numbers = torch.multinomial(
            exact.distribution(), count, True, generator=torch.Generator().manual_seed(1)
        )
        ratings = (
            torch.arange(count + 1) * len(RATED),
            torch.tensor(RATED).repeat(count),
            exact.levels[numbers].flatten(),
        )
        levels, hidden = operators.gibbs(*ratings, *parameters, 5, key=KEY)
        place = LEVELS ** torch.arange(len(RATED) - 1, -1, -1)
        number = (levels.view(count, -1) * place).sum(1)
        frequency = torch.bincount(number, minlength=len(exact.levels)) / count
        # The total variation that as many independent samples have: E|f - p| <= sqrt(p / count).
        floor = (exact.distribution() / count).sqrt().sum() / 2
        assert (frequency - exact.distribution()).abs().sum() / 2 < 1.3 * floor
        expected = exact.distribution() @ exact.hidden_given_levels() @ exact.hidden
        assert (hidden.mean(0) - expected).abs().max() < 5 * 0.5 / count**0.5

    def test_gaussian_hidden_units(self):
        weight, visible_bias, hidden_bias = model()
        crow, items, levels = torch.tensor([0, 2]), torch.tensor([0, 2]), torch.tensor([1, 2])
        field = hidden_bias + weight[0, 1] + weight[2, 2]
        bias = visible_bias[0, 1] + visible_bias[2, 2]
        options = {"hidden_units": "gaussian"}
        free_energy = operators.free_energy(
            crow, items, levels, weight, visible_bias, hidden_bias, **options
        )
        constant = HIDDEN / 2 * torch.log(torch.tensor(2 * torch.pi, dtype=torch.float64))
        torch.testing.assert_close(free_energy[0], -bias - field.square().sum() / 2 - constant)
        means = operators.hidden_mean(crow, items, levels, weight, hidden_bias, **options)
        torch.testing.assert_close(means[0], field)
        predicted = operators.predict(
            *(crow, items, levels, torch.tensor([0, 1]), torch.tensor([3])),
            *(weight, visible_bias, hidden_bias),
            **options,
        )
        logits = visible_bias[3] + (field + weight[3]).square().sum(1) / 2
        torch.testing.assert_close(predicted[0], torch.softmax(logits, 0))

    def test_what_is_recorded_for_autograd(self):
        parameters = tuple(p.requires_grad_() for p in model())
        weight, visible_bias, hidden_bias = parameters
        ratings = random_ratings(6, ITEMS, LEVELS)
        states = torch.rand(6, HIDDEN, dtype=torch.float64).requires_grad_()
        check = torch.autograd.gradcheck
        assert check(lambda *p: operators.free_energy(*ratings, *p), parameters)
        assert check(lambda *p: operators.hidden_mean(*ratings, *p), (weight, hidden_bias))
        assert check(
            lambda *p: operators.visible_mean(*ratings[:2], *p), (states, weight, visible_bias)
        )
        query = random_ratings(6, ITEMS, LEVELS)[:2]
        assert check(lambda *p: operators.predict(*ratings, *query, *p), parameters)

    def test_contrastive_divergence_of_equilibrium_is_the_gradient_of_the_free_energy(self):
        """With no step and other levels as data, by autograd."""
        parameters = tuple(p.requires_grad_() for p in model())
        ratings = random_ratings(6, ITEMS, LEVELS)
        *gradients, chain = operators.contrastive_divergence(*ratings, *parameters, 2, key=KEY)
        data = operators.free_energy(*ratings, *parameters).mean()
        (data - operators.free_energy(*ratings[:2], chain, *parameters).mean()).backward()
        for parameter, gradient in zip(parameters, gradients, strict=True):
            torch.testing.assert_close(parameter.grad, gradient)


class TestCases:
    def test_do_not_depend_on_each_other(self):
        parameters = model(50, 5, 20, 0.3)
        weight, _, hidden_bias = parameters
        crow, items, levels = random_ratings(30, 50, 5)
        query = torch.arange(31) * 50, torch.arange(50).repeat(30)
        together = operators.predict(crow, items, levels, *query, *parameters)
        means = operators.hidden_mean(crow, items, levels, weight, hidden_bias)
        for case in (0, 1, 17):
            own = slice(int(crow[case]), int(crow[case + 1]))
            alone = torch.tensor([0, own.stop - own.start]), items[own], levels[own]
            mine = operators.predict(*alone, torch.tensor([0, 50]), torch.arange(50), *parameters)
            assert mine.equal(together[case * 50 : (case + 1) * 50])
            mean = operators.hidden_mean(*alone, weight, hidden_bias)[0]
            # PyTorch's sigmoid may round the end of a tensor in another way.
            torch.testing.assert_close(mean, means[case], rtol=1e-14, atol=1e-14)

    def test_may_have_hidden_biases_of_their_own(self):
        parameters = weight, visible_bias, hidden_bias = model(50, 5, 20, 0.3)
        ratings = random_ratings(30, 50, 5)
        own = hidden_bias.repeat(30, 1)
        *same, chain = operators.contrastive_divergence(*ratings, *parameters, key=KEY)
        *each, moved = operators.contrastive_divergence(
            *ratings, weight, visible_bias, own, key=KEY
        )
        assert chain.equal(moved)
        assert each[0].equal(same[0])
        torch.testing.assert_close(each[2].sum(0), same[2])


def same_up_to_ties(a, b):
    """Levels are equal, but for a draw in a hundred thousand that rounding moves."""
    assert (a != b).sum() <= 2 + 1e-5 * a.numel()


class TestKernels:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("hidden", [1, 16, 64, 100, 1100])
    @pytest.mark.parametrize("mean_visible", [False, True])
    def test_equal_the_formulas(self, dtype, hidden, mean_visible):
        parameters = model(200, 7, hidden, 0.3 / hidden**0.5, dtype)
        weight, visible_bias, hidden_bias = parameters
        ratings = random_ratings(150, 200, 7, 60)
        states = torch.rand(150, hidden, dtype=dtype).round()
        query = random_ratings(150, 200, 7, 40)[:2]
        small = 2e-5 if dtype == torch.float32 else 1e-11

        def close(function, *arguments, **options):
            values = with_path("fused", function, *arguments, **options)
            expected = with_path("reference", function, *arguments, **options)
            torch.testing.assert_close(values, expected, rtol=small, atol=small)

        close(operators.hidden_mean, *ratings, weight, hidden_bias)
        close(operators.visible_mean, *ratings[:2], states, weight, visible_bias)
        close(operators.free_energy, *ratings, *parameters)
        close(operators.predict, *ratings, *query, *parameters)
        divergence = [
            with_path(
                path,
                operators.contrastive_divergence,
                *ratings,
                *parameters,
                mean_visible=mean_visible,
                key=KEY,
            )
            for path in ("fused", "reference")
        ]
        if not mean_visible:
            same_up_to_ties(divergence[0][3], divergence[1][3])
        for a, b in zip(divergence[0][:3], divergence[1][:3], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3 if not mean_visible else small)

    def test_threads_change_nothing(self):
        parameters = model(300, 5, 70, 0.1, torch.float32)
        ratings = random_ratings(400, 300, 5, 100)
        before = torch.get_num_threads()
        results = []
        try:
            for threads in (1, 2, 5):
                torch.set_num_threads(threads)
                results.append(operators.contrastive_divergence(*ratings, *parameters, 2, key=KEY))
        finally:
            torch.set_num_threads(before)
        for other in results[1:]:
            assert all(a.equal(b) for a, b in zip(results[0], other, strict=True))

    def test_large_fields(self):
        """exp of them would overflow, and the sum of float32 logarithms would be lost."""
        weight, visible_bias, hidden_bias = model(5, 3, 2000, 0.1, torch.float32)
        ratings = torch.tensor([0, 2]), torch.tensor([0, 1]), torch.tensor([2, 0])
        query = torch.tensor([0, 3]), torch.tensor([2, 3, 4])
        for bias in (hidden_bias + 300, hidden_bias - 300):
            values = operators.predict(*ratings, *query, weight, visible_bias, bias)
            expected = operators.predict(
                *ratings, *query, weight.double(), visible_bias.double(), bias.double()
            )
            torch.testing.assert_close(values, expected.float(), rtol=1e-2, atol=1e-3)


class TestArguments:
    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"crow": torch.tensor([0, 2])}, ValueError, "crow from 0 to 3, the number of items"),
            ({"crow": torch.tensor([0, 4, 3])}, ValueError, "crow that does not fall"),
            ({"crow": torch.tensor([0.0, 3.0])}, TypeError, "crow of dtype torch.int64"),
            ({"crow": torch.tensor([], dtype=torch.int64)}, ValueError, r"shape \[cases \+ 1\]"),
            ({"items": torch.tensor([0, 1, 4])}, ValueError, "items in 0 to 3, .* got 4"),
            ({"items": torch.tensor([0, -1, 2])}, ValueError, "items in 0 to 3, .* got -1"),
            ({"items": torch.tensor([[0, 1, 2]])}, ValueError, "items of one dimension"),
            ({"levels": torch.tensor([0, 1, 3])}, ValueError, "levels in 0 to 2, .* got 3"),
            ({"levels": torch.tensor([0, 1])}, ValueError, "as many levels as items, got 2 and 3"),
            ({"weight": torch.zeros(4, 9)}, ValueError, r"weight of shape \[items, levels, hidden"),
            ({"visible_bias": torch.zeros(4, 2)}, ValueError, r"visible_bias of shape \[4, 3\]"),
            ({"hidden_bias": torch.zeros(4)}, ValueError, r"hidden_bias of shape \[3\] or \[1, 3"),
            ({"hidden_bias": torch.zeros(2, 3)}, ValueError, r"hidden_bias of shape \[3\] or"),
            ({"visible_bias": torch.zeros(4, 3).double()}, TypeError, "visible_bias of dtype"),
            ({"steps": -1}, ValueError, "steps >= 0, got -1"),
            ({"hidden_units": "soft"}, ValueError, "hidden_units to be"),
        ],
    )
    def test_that_do_not_fit(self, change, error, message):
        weight, visible_bias, hidden_bias = model(dtype=torch.float32)
        arguments = {
            "crow": torch.tensor([0, 3]),
            "items": torch.tensor([0, 1, 2]),
            "levels": torch.tensor([0, 1, 2]),
            "weight": weight,
            "visible_bias": visible_bias,
            "hidden_bias": hidden_bias,
            **change,
        }
        for path in ("fused", "reference"):
            with pytest.raises(
                error, match=f"torch_rbm::ratings_contrastive_divergence: .*{message}"
            ):
                with_path(path, operators.contrastive_divergence, **arguments)

    def test_queries_that_do_not_fit(self):
        parameters = model()
        ratings = torch.tensor([0, 1]), torch.tensor([0]), torch.tensor([0])
        with pytest.raises(ValueError, match="query_items in 0 to 3"):
            operators.predict(*ratings, torch.tensor([0, 1]), torch.tensor([4]), *parameters)
        with pytest.raises(ValueError, match="as many query_crow as crow, got 3 and 2"):
            operators.predict(*ratings, torch.tensor([0, 1, 1]), torch.tensor([1]), *parameters)
        with pytest.raises(ValueError, match=r"hidden of shape \[1, 3\]"):
            operators.visible_mean(*ratings[:2], torch.zeros(2, 3).double(), *parameters[:2])

    def test_nothing_to_do(self):
        parameters = model()
        none = torch.tensor([], dtype=torch.int64)
        empty = torch.tensor([0]), none, none
        assert operators.free_energy(*empty, *parameters).shape == (0,)
        assert operators.predict(*empty, *empty[:2], *parameters).shape == (0, LEVELS)
        *gradients, chain = operators.contrastive_divergence(*empty, *parameters)
        assert all(g.eq(0).all() for g in gradients)
        assert chain.shape == (0,)
