"""The RBM of ratings and its loss."""

import io

import pytest
import torch

from tests.test_ratings_operators import random_ratings
from torch_rbm.ratings import Ratings, RatingsContrastiveDivergence, RatingsRBM, operators


def strong(items=6, levels=4, hidden=3, **options):
    """A model with large parameters, float64."""
    rbm = RatingsRBM(items, levels, hidden, dtype=torch.float64, **options)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in rbm.parameters():
            parameter.normal_(generator=generator)
    return rbm


def ratings(cases=8, items=6, levels=4):
    return Ratings(*random_ratings(cases, items, levels))


class TestBatch:
    def test_is_sorted_by_cases(self):
        cases = torch.tensor([2, 0, 2, 0])
        sorted_ratings = Ratings.of(
            cases, torch.tensor([5, 3, 1, 4]), torch.tensor([0, 1, 2, 3]), 4
        )
        assert sorted_ratings.crow.tolist() == [0, 2, 2, 4, 4]
        assert sorted_ratings.items.tolist() == [3, 4, 5, 1]
        assert sorted_ratings.levels.tolist() == [1, 3, 0, 2]
        assert sorted_ratings.cases().tolist() == [0, 0, 2, 2]
        assert sorted_ratings.size == 4

    def test_cases_are_selected(self):
        whole = ratings()
        part = whole.select(torch.tensor([5, 1, 5]))
        for place, case in enumerate((5, 1, 5)):
            mine = slice(part.crow[place], part.crow[place + 1])
            theirs = slice(whole.crow[case], whole.crow[case + 1])
            assert part.items[mine].equal(whole.items[theirs])
            assert part.levels[mine].equal(whole.levels[theirs])
        assert part.size == 3

    def test_transposed_twice_is_the_same(self):
        whole = ratings()
        turned = whole.transposed(6)
        assert turned.size == 6
        dense = torch.full((8, 6), -1)
        dense[whole.cases(), whole.items] = whole.levels
        other = torch.full((6, 8), -1)
        other[turned.cases(), turned.items] = turned.levels
        assert dense.equal(other.T)


class TestModel:
    def test_biases_start_at_smoothed_frequencies(self):
        """Without weights a prediction is a frequency, of all items together for a new one."""
        given = Ratings.of(
            torch.arange(8), torch.tensor([0] * 6 + [1] * 2), torch.tensor([3] * 5 + [0, 0, 1]), 8
        )
        rbm = RatingsRBM(3, 4, 2, dtype=torch.float64)
        torch.nn.init.zeros_(rbm.weight)
        rbm.initialize(given, smoothing=2.0)
        none = torch.zeros(0, dtype=torch.int64)
        predicted = rbm.predict(
            torch.tensor([0, 0]), none, none, torch.tensor([0, 3]), torch.arange(3)
        )
        overall = (torch.tensor([2.0, 1.0, 0.0, 5.0]) + 1).double() / 12
        torch.testing.assert_close(predicted[2], overall)
        counts = torch.tensor([1.0, 0.0, 0.0, 5.0]).double()
        torch.testing.assert_close(predicted[0], (counts + 2 * overall) / 8)

    def test_what_is_known_without_a_rating_speaks(self):
        rbm = strong(conditional=True)
        crow, items, levels = torch.tensor([0, 2]), torch.tensor([0, 3]), torch.tensor([1, 2])
        query = torch.tensor([0, 1]), torch.tensor([5])
        own = rbm.predict(crow, items, levels, *query)
        bias = rbm.hidden_bias + rbm.known_weight[[0, 3]].sum(0)
        expected = operators.predict(
            crow, items, levels, *query, rbm.weight, rbm.visible_bias, bias
        )
        torch.testing.assert_close(own, expected)
        more = rbm.predict(
            *(crow, items, levels, *query), torch.tensor([0, 3]), torch.tensor([0, 3, 5])
        )
        bias = bias + rbm.known_weight[5]
        expected = operators.predict(
            crow, items, levels, *query, rbm.weight, rbm.visible_bias, bias
        )
        torch.testing.assert_close(more, expected)

    @pytest.mark.parametrize("conditional", [False, True])
    def test_scripts(self, conditional):
        rbm = strong(conditional=conditional)
        buffer = io.BytesIO()
        torch.jit.save(torch.jit.script(rbm), buffer)
        buffer.seek(0)
        loaded = torch.jit.load(buffer)
        given = ratings()
        query = random_ratings(8, 6, 4)[:2]
        assert loaded(*given).equal(rbm(*given))
        assert loaded.free_energy(*given).equal(rbm.free_energy(*given))
        assert loaded.predict(*given, *query).equal(rbm.predict(*given, *query))
        for scripted in (rbm, loaded):
            first, second = (
                scripted.gibbs(*given, 2, torch.Generator().manual_seed(4)) for _ in range(2)
            )
            assert first[0].equal(second[0])

    def test_names_itself(self):
        assert repr(RatingsRBM(6, 5, 3)) == "RatingsRBM(items=6, levels=5, hidden=3)"
        rbm = RatingsRBM(6, 5, 3, hidden_units="gaussian", conditional=True)
        assert "hidden_units='gaussian', conditional=True" in repr(rbm)
        again = rbm.description()
        del again["class"]
        again["dtype"] = getattr(torch, again["dtype"])
        assert repr(RatingsRBM(**again)) == repr(rbm)

    def test_arguments_that_do_not_fit(self):
        with pytest.raises(ValueError, match="RatingsRBM: expected levels >= 2, got 1"):
            RatingsRBM(6, 1, 3)
        with pytest.raises(ValueError, match="RatingsRBM: expected hidden_units"):
            RatingsRBM(6, 5, 3, hidden_units="soft")
        with pytest.raises(ValueError, match="smoothing > 0, got 0"):
            RatingsRBM(6, 4, 3).initialize(ratings(), smoothing=0)


class TestLoss:
    @pytest.mark.parametrize("hidden_units", ["bernoulli", "gaussian"])
    @pytest.mark.parametrize("conditional", [False, True])
    @pytest.mark.parametrize("mean_visible", [False, True])
    def test_leaves_the_gradients(self, hidden_units, conditional, mean_visible):
        """Those of the operator, and by autograd of the gap of free energies."""
        rbm = strong(hidden_units=hidden_units, conditional=conditional)
        if hidden_units == "gaussian":
            rbm.weight.data.mul_(0.1)  # so that the density can be normalised
        given = ratings()
        loss = RatingsContrastiveDivergence(rbm, 2, mean_visible=mean_visible)
        loss(given, torch.Generator().manual_seed(5)).backward()
        got = [p.grad for p in rbm.parameters()]
        rbm.zero_grad()
        *_, chain = operators.contrastive_divergence(
            *given,
            rbm.weight,
            rbm.visible_bias,
            rbm.case_bias(given.crow, given.items),
            2,
            hidden_units=hidden_units,
            mean_visible=mean_visible,
            generator=torch.Generator().manual_seed(5),
        )
        one_hot = chain if mean_visible else torch.nn.functional.one_hot(chain, 4).double()
        bias = rbm.case_bias(given.crow, given.items).expand(8, 3)
        field = bias.index_add(
            0, given.cases(), torch.einsum("nl,nlh->nh", one_hot, rbm.weight[given.items])
        )
        cumulant = (
            torch.nn.functional.softplus(field) if hidden_units == "bernoulli" else field**2 / 2
        )
        chain_energy = -cumulant.sum() - (one_hot * rbm.visible_bias[given.items]).sum()
        ((rbm.free_energy(*given).sum() - chain_energy) / 8).backward()
        for a, parameter in zip(got, rbm.parameters(), strict=True):
            torch.testing.assert_close(a, parameter.grad)

    def test_per_item_every_item_learns_from_the_mean_of_its_ratings(self):
        rbm = strong()
        given = ratings()
        gradients = []
        for per_item in (False, True):
            loss = RatingsContrastiveDivergence(rbm, per_item=per_item)
            loss(given, torch.Generator().manual_seed(5)).backward()
            gradients.append([p.grad for p in rbm.parameters()])
            rbm.zero_grad()
        counts = torch.bincount(given.items, minlength=6)
        for item in range(6):
            factor = 8 / max(int(counts[item]), 1)
            torch.testing.assert_close(gradients[1][0][item], gradients[0][0][item] * factor)
            torch.testing.assert_close(gradients[1][1][item], gradients[0][1][item] * factor)
        assert gradients[0][2].equal(gradients[1][2])

    def test_learns_what_cases_share(self):
        """Two tastes: who likes the even items dislikes the odd ones."""
        generator = torch.Generator().manual_seed(1)
        taste = torch.randint(2, (300, 1), generator=generator)
        liked = (torch.arange(20) + taste) % 2  # [cases, items]
        levels = (3 * liked + torch.randint(2, (300, 20), generator=generator)).clamp(max=4)
        seen = torch.rand(300, 20, generator=generator) < 0.4
        cases, items = seen.nonzero(as_tuple=True)
        given = Ratings.of(cases, items, levels[seen], 300)
        torch.manual_seed(0)
        rbm = RatingsRBM(20, 5, 4)
        rbm.initialize(given)
        loss = RatingsContrastiveDivergence(rbm)
        optimizer = torch.optim.Adam(rbm.parameters(), lr=0.02)
        hidden = ~seen
        query = Ratings.of(*hidden.nonzero(as_tuple=True), levels[hidden], 300)

        def error():
            probabilities = rbm.predict(*given, *query[:2])
            means = probabilities @ torch.arange(5.0)
            return (means - query.levels).square().mean().sqrt().item()

        before = error()
        for _ in range(150):
            optimizer.zero_grad()
            loss(given).backward()
            optimizer.step()
        # Of the levels of one taste: 0 or 1, or 3 or 4; standard deviation 0.5.
        assert before > 1.4
        assert error() < 0.6

    def test_refuses_what_is_no_model_of_ratings(self):
        with pytest.raises(TypeError, match=r"expected a torch_rbm\.RatingsRBM, got"):
            RatingsContrastiveDivergence(torch.nn.Linear(2, 2))
        with pytest.raises(ValueError, match="steps >= 1, got 0"):
            RatingsContrastiveDivergence(strong(), 0)
