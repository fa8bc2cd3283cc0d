"""Softmax regressions on features of an RBM, and the model of cases that these come from."""

import numpy as np
import pytest
import torch
from scipy import optimize

from tests.rating_world import generator
from torch_rbm.ratings import (
    CaseModel,
    Ratings,
)
from torch_rbm.ratings.recommenders.readout import fit_readouts


def objective(weight, features, levels, prior, penalty):
    """What a readout minimises, of one unit."""
    nll = torch.nn.functional.cross_entropy(features @ weight.t(), levels, reduction="sum")
    return nll + 0.5 * (penalty * (weight - prior) ** 2).sum()


def minimum(*problem):
    """By a general optimizer."""
    start = problem[2]

    def value(flat):
        weight = torch.tensor(flat).view_as(start).requires_grad_()
        total = objective(weight, *problem)
        total.backward()
        return total.item(), weight.grad.flatten().numpy()

    best = optimize.minimize(value, np.zeros(start.numel()), jac=True, options={"gtol": 1e-10})
    return torch.from_numpy(best.x).view_as(start)


class TestReadouts:
    PRIOR = torch.tensor([[0.5, -1.0, 0.2, 0.0], [1.0, 0.3, -0.7, 0.1], [0.0, 0.4, 0.8, -0.2]])
    PENALTY = torch.tensor([0.5, 1.0, 2.0, 0.1])

    # More ratings than features, and fewer, are two ways to the same end.
    @pytest.mark.parametrize("most", [30, 3])
    def test_they_are_the_minima(self, most):
        """Of units with different numbers of ratings, one without any."""
        prior, penalty = self.PRIOR.double(), self.PENALTY.double()
        counts = [most, most // 2, 0]
        features = torch.zeros(3, most, 4, dtype=torch.float64)
        levels = torch.full((3, most), -1)
        for unit, count in enumerate(counts):
            features[unit, :count] = torch.rand(
                count, 4, generator=generator(), dtype=torch.float64
            )
            levels[unit, :count] = torch.randint(3, (count,), generator=generator())
        weights = fit_readouts(features, levels, prior, penalty, 500)
        for unit, count in enumerate(counts):
            problem = features[unit, :count], levels[unit, :count], prior, penalty
            torch.testing.assert_close(weights[unit], minimum(*problem), atol=1e-6, rtol=1e-6)
        assert weights[2].equal(prior)

    @pytest.mark.parametrize("ratings", [20, 4])
    def test_every_step_goes_down(self, ratings):
        features = 3 * torch.randn(ratings, 5, generator=generator(), dtype=torch.float64)
        levels = torch.randint(4, (ratings,), generator=generator())
        prior, penalty = torch.zeros(4, 5).double(), torch.full((5,), 0.1).double()
        values = []
        for steps in range(8):
            one = features.unsqueeze(0), levels.unsqueeze(0)
            (weight,) = fit_readouts(*one, prior, penalty, steps)
            values.append(objective(weight, features, levels, prior, penalty).item())
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.75 * values[0]


class TestCaseModel:
    def test_a_unit_does_not_read_its_own_rating(self):
        """The features that a readout is found from are those without the unit's rating."""
        cases, units = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 0, 1, 2])
        levels = torch.tensor([2, 0, 1, 1, 2, 0])
        model = CaseModel(3, 3, 3, 4, dtype=torch.float64)
        with torch.no_grad():
            for parameter in model.rbm.parameters():
                parameter.normal_(generator=generator())
        ratings = Ratings.of(cases, units, levels, 3)
        model.read_out(ratings, 2.0)
        for unit in range(3):
            mine = units == unit
            rows = []
            for case in cases[mine].tolist():
                other = (cases == case) & ~mine
                count = int(other.sum())
                crow = torch.tensor([0, count])
                mean = model.rbm(crow, units[other], levels[other])[0].detach()
                rise = (levels[other] - model.quality.unit_mean[units[other]]).sum()
                quality = rise / (count + 3) / model.quality.spread
                rows.append(torch.cat([mean - model.center, quality.view(1), torch.ones(1)]))
            features = torch.stack(rows)
            above = levels[mine] - model.quality.mean
            rest = (above.sum() - above) / (len(above) - 1 + 3) / model.quality.spread
            features = torch.cat([features, rest.unsqueeze(1)], 1)
            one = features.unsqueeze(0), levels[mine].unsqueeze(0)
            (weight,) = fit_readouts(*one, model.common, model.penalty)
            generosity = above.sum() / (len(above) + 3) / model.quality.spread
            weight[:, -2] += weight[:, -1] * generosity
            torch.testing.assert_close(model.readout[unit], weight[:, :-1])

    def test_units_of_any_number_of_ratings_and_some_of_them_alone(self):
        """Found together with others, or alone, a readout is the same."""
        counts = torch.tensor([0, 3, 40, 1, 8, 3])
        units = torch.arange(6).repeat_interleave(counts)
        cases = torch.cat([torch.randperm(50, generator=generator())[:n] for n in counts.tolist()])
        levels = torch.randint(3, (len(units),), generator=generator())
        ratings = Ratings.of(cases, units, levels, 50)
        model = CaseModel(50, 6, 3, 4, dtype=torch.float64)
        model.rbm.initialize(ratings)
        model.read_out(ratings, 2.0)
        every = model.readout.clone()
        model.readout.zero_()
        for unit in range(6):
            model.read_out(ratings, 2.0, torch.tensor([unit]))
        torch.testing.assert_close(model.readout, every)
        assert not every[:6].isclose(every[0]).all()

    def test_a_missing_mask_that_is_broken_is_visibly_worse(self, split):
        """What is missing taken for the lowest rating, as many programs do."""
        train, test, _ = split
        level = torch.zeros(200, 300, dtype=torch.int64)
        level[train.user, train.item] = train.level
        user, item = torch.meshgrid(torch.arange(200), torch.arange(300), indexing="ij")
        broken = Ratings.of(user.flatten(), item.flatten(), level.flatten(), 200)
        errors = []
        for ratings in (train.by_item(), broken.transposed(300)):
            model = CaseModel(300, 200, 10, 12)
            options = {"epochs": 30, "batch_size": 30, "generator": generator(), "progress": False}
            model.fit(ratings, **options)
            model.read_out(ratings, 5.0)
            expected = model.probabilities(test.item, test.user).double() @ test.scale
            errors.append((expected - test.values()).square().mean().sqrt().item())
        spread = test.values().std().item()
        assert errors[0] < 0.9 * spread
        assert errors[1] > 1.2 * spread
