"""Softmax regressions on features of an RBM, and the model of cases that these come from."""

import numpy as np
import torch
from scipy import optimize

from tests.rating_world import generator
from torch_rbm.ratings import (
    CaseModel,
    Ratings,
)
from torch_rbm.ratings.recommenders.readout import fit_readout


class TestReadout:
    def test_is_the_minimum(self):
        """Against a general optimizer."""
        features = torch.rand(30, 4, generator=generator(), dtype=torch.float64)
        levels = torch.randint(3, (30,), generator=generator())
        prior = torch.randn(3, 4, generator=generator(), dtype=torch.float64)
        penalty = torch.tensor([0.5, 1.0, 2.0, 0.1], dtype=torch.float64)

        def value(flat):
            weight = torch.tensor(flat).view(3, 4).requires_grad_()
            nll = torch.nn.functional.cross_entropy(features @ weight.t(), levels, reduction="sum")
            total = nll + 0.5 * (penalty * (weight - prior) ** 2).sum()
            total.backward()
            return total.item(), weight.grad.flatten().numpy()

        best = optimize.minimize(value, np.zeros(12), jac=True, options={"gtol": 1e-10})
        weight = fit_readout(features, levels, prior, penalty, 500)
        torch.testing.assert_close(
            weight, torch.from_numpy(best.x).view(3, 4), atol=1e-6, rtol=1e-6
        )

    def test_every_step_goes_down(self):
        features = 3 * torch.randn(20, 5, generator=generator(), dtype=torch.float64)
        levels = torch.randint(4, (20,), generator=generator())
        prior, penalty = torch.zeros(4, 5).double(), torch.full((5,), 0.1).double()
        values = []
        for steps in range(8):
            weight = fit_readout(features, levels, prior, penalty, steps)
            nll = torch.nn.functional.cross_entropy(features @ weight.t(), levels, reduction="sum")
            values.append((nll + 0.5 * (penalty * weight**2).sum()).item())
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.75 * values[0]

    def test_without_ratings_it_is_the_prior(self):
        prior = torch.randn(3, 4, generator=generator())
        nothing = torch.zeros(0, dtype=torch.int64)
        assert fit_readout(torch.zeros(0, 4), nothing, prior, torch.ones(4)).equal(prior)


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
                rows.append(torch.cat([mean, quality.view(1), torch.ones(1)]))
            features = torch.stack(rows)
            above = levels[mine] - model.quality.mean
            rest = (above.sum() - above) / (len(above) - 1 + 3) / model.quality.spread
            features = torch.cat([features, rest.unsqueeze(1)], 1)
            weight = fit_readout(features, levels[mine], model.common, model.penalty)
            generosity = above.sum() / (len(above) + 3) / model.quality.spread
            weight[:, -2] += weight[:, -1] * generosity
            torch.testing.assert_close(model.readout[unit], weight[:, :-1])

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
