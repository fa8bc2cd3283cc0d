"""fill_in, against conditional distributions by enumeration."""

import copy
import functools

import numpy as np
import pytest
import torch

import torch_rbm
from tests.enumeration import Model, all_states
from tests.short_training import Stop, data_of, fitted, parameters_equal
from torch_rbm import fill_in
from torch_rbm.sparse import csr_tensor

NAN = torch.nan


def rbm_of(model, **units):
    hidden, visible = model.weight.shape
    rbm = torch_rbm.RBM(visible, hidden, dtype=torch.float64, **units)
    state = dict(zip(("weight", "visible_bias", "hidden_bias"), model.parameters, strict=True))
    rbm.load_state_dict(state)
    return rbm


def given(model, row):
    """The states of the whole row and their probabilities given what is known of it."""
    states = all_states(len(row))
    fits = ((states == row) | row.isnan()).all(1)
    p = model.probabilities() * fits
    return states, p / p.sum()


class TestMeans:
    ROW = torch.tensor([1, NAN, 0, NAN, NAN, 1], dtype=torch.float64)

    def test_those_of_the_enumeration(self):
        model = Model.random(6, 3, seed=2)
        states, p = given(model, self.ROW)
        filled = fill_in(rbm_of(model), self.ROW.expand(4000, 6), steps=40)
        assert (filled[:, [0, 2, 5]] == self.ROW[[0, 2, 5]]).all()
        sigma = filled.std(0) / 4000**0.5
        assert ((filled.mean(0) - p @ states).abs() <= 5 * sigma + 1e-12).all()

    def test_longer_chains_come_closer(self):
        model = Model.random(6, 3, seed=2)
        states, p = given(model, self.ROW)

        def error(steps):
            filled = fill_in(rbm_of(model), self.ROW.expand(500, 6), steps=steps)
            return (filled - p @ states).square().mean().sqrt()

        assert error(400) < error(4) / 4

    def test_those_of_gaussian_units(self):
        """Given the known ones, a mixture over the hidden states, each of the usual form."""
        model = Model.random(4, 2, seed=5, scale=0.8)
        row = torch.tensor([0.5, NAN, -1.0, NAN], dtype=torch.float64)
        known, hidden = ~row.isnan(), all_states(2)
        field = model.visible_bias + hidden @ model.weight
        logs = hidden @ model.hidden_bias + field[:, known] @ row[known]
        logs += field[:, ~known].square().sum(1) / 2
        expected = torch.softmax(logs, 0) @ field[:, ~known]
        rbm = rbm_of(model, visible_units="gaussian")
        filled = fill_in(rbm, row.expand(4000, 4), steps=40)[:, ~known]
        sigma = filled.std(0) / 4000**0.5
        assert ((filled.mean(0) - expected).abs() < 5 * sigma).all()

    def test_those_of_categories_sum_to_one(self):
        rbm = torch_rbm.RBM(6, 4, visible_units="categorical(3)")
        torch.nn.init.normal_(rbm.weight)
        codes = torch.tensor([[0, -1], [-1, 2]])
        states, observed = torch_rbm.encode_categories(codes, 3)
        filled = fill_in(rbm, states, observed)
        torch.testing.assert_close(filled.view(2, 2, 3).sum(-1), torch.ones(2, 2))
        assert filled[observed].equal(states[observed])


class TestSamples:
    def test_they_have_the_conditional_distribution(self):
        model = Model.random(5, 3, seed=4)
        row = torch.tensor([NAN, 1, NAN, 0, NAN], dtype=torch.float64)
        states, p = given(model, row)
        count = 20_000
        drawn = fill_in(rbm_of(model), row.expand(count, 5), sample=True, steps=30)
        numbers = (drawn @ (2.0 ** torch.arange(5, dtype=torch.float64))).long()
        shares = torch.bincount(numbers, minlength=len(states)) / count
        sigma = (p * (1 - p) / count).sqrt()
        assert ((shares - p).abs() <= 5 * sigma + 1e-12).all()

    def test_the_same_generator_gives_the_same(self):
        rbm = torch_rbm.RBM(5, 3)
        rows = torch.full((9, 5), NAN)
        first, second = (
            fill_in(rbm, rows, sample=True, generator=torch.Generator().manual_seed(1))
            for _ in range(2)
        )
        assert first.equal(second)


class TestArguments:
    def test_shapes_and_kinds_of_data(self):
        rbm = torch_rbm.RBM(3, 2)
        row = torch.tensor([1.0, NAN, 0.0])
        for shape in [(3,), (2, 3), (2, 4, 3), (0, 3)]:
            filled = fill_in(rbm, row.expand(shape), steps=3)
            assert filled.shape == shape
            assert filled.isfinite().all()
        assert row[1].isnan()  # the data stay as they are
        array = np.array([[1, 0, 1], [0, 1, 1]])
        assert fill_in(rbm, array).equal(torch.from_numpy(array).float())
        mask = torch.tensor([True, False, True])
        filled = fill_in(rbm, array, mask, steps=3)
        assert (filled[:, 1] > 0).all()
        assert (filled[:, 1] < 1).all()

    def test_what_is_wrong_is_named(self):
        rbm = torch_rbm.RBM(3, 2)
        with pytest.raises(TypeError, match=r"fill_in: expected data to be a table .* list"):
            fill_in(rbm, [[1.0, NAN, 0.0]])
        with pytest.raises(ValueError, match=r"fill_in: expected data in \[0, 1\].*got 2\.0"):
            fill_in(rbm, torch.tensor([[2.0, NAN, 0.0]]))
        with pytest.raises(ValueError, match=r"in \[0, 1\].*got nan at position \[0, 1\]"):
            fill_in(rbm, torch.tensor([[1.0, NAN, 0.0]]), torch.ones(3, dtype=torch.bool))
        with pytest.raises(ValueError, match="fill_in: expected steps >= 1, got 0"):
            fill_in(rbm, torch.ones(1, 3), steps=0)
        with pytest.raises(TypeError, match="expected a dense data"):
            fill_in(rbm, csr_tensor(*map(torch.tensor, ([0, 1], [2], [1.0])), 3))
        categories = torch_rbm.RBM(3, 2, visible_units="categorical(3)")
        with pytest.raises(ValueError, match="all 3 elements of a categorical unit to be missing"):
            fill_in(categories, torch.eye(3), torch.tensor([True, False, True]))


class TestTraining:
    """By default settings, from rows of which two values in five are missing."""

    @functools.cached_property
    def teacher(self):
        model = Model.random(8, 6, seed=3, scale=2)
        # Without fields of their own units say little by themselves, and much by each other.
        model.visible_bias, model.hidden_bias = -model.weight.sum(0) / 2, -model.weight.sum(1) / 2
        return model

    def distance(self, **options):
        torch.manual_seed(0)
        data = self.teacher.sample(2000).float()
        data[torch.rand_like(data) < 0.4] = NAN
        observed = ~data.isnan()
        rbm = torch_rbm.RBM(8, 6)
        torch_rbm.initialize(rbm, data, observed=observed)
        if "transform" in options:
            options["transform"] = functools.partial(fill_in, rbm, sample=True, steps=5)
        else:
            options["observed"] = observed
        torch_rbm.fit(rbm, data, progress=False, **options)
        p = self.teacher.probabilities()
        logs = -rbm.double().free_energy(all_states(8)) - rbm.log_partition()
        return (p * (p.log() - logs)).sum().item()

    def test_it_learns_what_the_mask_does_not(self):
        """A mask makes of each row another model; filling in sums over what is missing."""
        nothing_learned = self.distance(transform=True, epochs=0)
        by_mask = self.distance(loss=torch_rbm.ContrastiveDivergence)
        by_filling_in = self.distance(transform=True)
        assert by_filling_in < 0.1 * nothing_learned
        assert by_filling_in < 0.5 * by_mask

    def test_it_goes_on_bit_for_bit(self, tmp_path):
        data = data_of(200)
        data[:, 2] = NAN

        def run(rbm, **options):
            transform = functools.partial(fill_in, rbm, sample=True, steps=2)
            fitted(data, rbm, transform=transform, checkpoint_seconds=0, **options)

        torch.manual_seed(0)
        whole = torch_rbm.RBM(8, 6)
        stopped = copy.deepcopy(whole)
        run(whole)
        path = tmp_path / "run.pt"
        with pytest.raises(RuntimeError, match="stopped"):
            run(stopped, checkpoint=path, callbacks=[Stop(2)])
        run(stopped, checkpoint=path)
        assert parameters_equal(whole, stopped)
