"""Data of all unit types: missing values, codes of categories, and values out of range."""

import math

import pytest
import torch

import torch_rbm
from tests.quadrature import Model
from tests.test_unit_models import assert_close, make_rbm, model_of
from torch_rbm import ops


class TestMissingValues:
    @pytest.mark.parametrize("units", ["bernoulli", "spin", "gaussian", "categorical(3)"])
    def test_free_energy_is_that_of_the_model_without_the_unit(self, units):
        model = model_of((units, "bernoulli"))
        rbm = make_rbm(model)
        missing = 3 if units.startswith("categorical") else 1
        kept = rbm.weight.shape[1] - missing
        smaller = torch_rbm.RBM(kept, 3, visible_units=units, dtype=torch.float64)
        with torch.no_grad():
            smaller.weight.copy_(rbm.weight[:, :kept])
            smaller.visible_bias.copy_(rbm.visible_bias[:kept])
            smaller.hidden_bias.copy_(rbm.hidden_bias)
        observed = torch.arange(kept + missing) < kept
        precision = rbm.visible_precision()
        v = model.v[:12]
        expected = ops.free_energy(
            v[:, :kept],
            *smaller.parameters(),
            visible_units=units,
            visible_precision=None if precision is None else precision[:kept],
        )
        assert_close(rbm.free_energy(v, observed), expected)
        garbage = torch.where(observed, v, torch.nan)
        assert_close(rbm.free_energy(garbage, observed), expected)

    def test_gradient_is_that_of_the_model_without_the_unit(self):
        """Missing is not 0: with the same key the estimate is that of an RBM without column 3."""
        torch.manual_seed(0)
        model = Model.random("bernoulli", "bernoulli")
        rbm = make_rbm(model)
        data = (torch.rand(50, 3) < 0.5).double()
        observed = torch.tensor([True, True, False])
        key = {"key": torch.tensor([1, 2])}
        whole = ops.contrastive_divergence(
            data, data, *model.parameters, 3, observed=observed, **key
        )
        part = ops.contrastive_divergence(
            data[:, :2],
            data[:, :2],
            rbm.weight[:, :2],
            rbm.visible_bias[:2],
            rbm.hidden_bias,
            3,
            **key,
        )
        assert_close(whole[0][:, :2], part[0])
        assert_close(whole[0][:, 2], torch.zeros(3, dtype=torch.float64))
        assert_close(whole[1], torch.cat([part[1], torch.zeros(1, dtype=torch.float64)]))
        assert_close(whole[2], part[2])
        as_zero = ops.contrastive_divergence(
            data * observed, data * observed, *model.parameters, 3, **key
        )
        assert (as_zero[0][:, 2].abs() > 1e-3).any()

    @pytest.mark.parametrize("centered", [False, True])
    @pytest.mark.parametrize("units", ["bernoulli", "gaussian", "relu", "categorical(2)"])
    def test_training_from_incomplete_rows(self, units, centered):
        """NaN where nothing was observed; nothing of it reaches the parameters."""
        torch.manual_seed(0)
        codes = torch.randint(-1, 2, (60, 4))
        if units == "categorical(2)":
            data, observed = torch_rbm.encode_categories(codes, 2)
        else:
            observed = codes >= 0
            data = torch.where(observed, codes.float(), torch.nan)
        rbm = torch_rbm.RBM(data.shape[1], 3, visible_units=units)
        torch_rbm.initialize(rbm, data, observed=observed)
        loss = torch_rbm.ContrastiveDivergence(rbm, 2, centered=centered)
        loss(data, None, observed).backward()
        assert all(p.grad.isfinite().all() for p in rbm.parameters())
        assert all(buffer.isfinite().all() for buffer in loss.buffers())
        with pytest.raises(ValueError, match="ContrastiveDivergence: expected data"):
            loss(torch.where(observed, data, torch.nan))


class TestCodes:
    def test_there_and_back(self):
        codes = torch.randint(-1, 5, (7, 3))
        states, observed = torch_rbm.encode_categories(codes, 5)
        assert states.shape == observed.shape == (7, 15)
        assert torch_rbm.decode_categories(states, 5).equal(codes)
        assert (states.sum(1) == (codes >= 0).sum(1)).all()

    def test_bad_codes(self):
        with pytest.raises(
            ValueError, match=r"codes from 0 to 4, or -1.*got 5 at position \[1, 0\]"
        ):
            torch_rbm.encode_categories(torch.tensor([[0], [5]]), 5)
        with pytest.raises(TypeError, match="tensor of integers"):
            torch_rbm.encode_categories(torch.zeros(2, 2), 5)


GROUPS = [
    ("flag", "bernoulli", 1),
    ("spin", "spin", 1),
    ("kind", "categorical", 3),
    ("size", "gaussian", 1),
    ("rate", "relu", 1),
]
RIGHT = [1.0, -1.0, 0.0, 1.0, 0.0, -3.0, 2.5]
WRONG = [
    (0, 0.5, "group 'flag' to be 0 or 1, got 0.5"),
    (1, 0.0, "'spin' to be -1 or 1|expected visible to be -1 or 1, got 0.0"),
    (3, 0.0, "group 'kind' to be one-hot"),
    (2, 1.0, "group 'kind' to be one-hot"),
    (5, float("inf"), "group 'size' to be finite, got inf"),
    (5, float("nan"), "group 'size' to be finite, got nan"),
    (6, -0.5, "group 'rate' to be finite and not negative, got -0.5"),
]


class TestRange:
    def test_missing_values_are_refused_with_what_fills_them_in(self):
        rbm = torch_rbm.RBM(2, 2, visible_units="gaussian")
        with pytest.raises(ValueError, match=r"got nan at position \[1, 0\]; torch_rbm.fill_in"):
            torch_rbm.fit(rbm, torch.tensor([[1.0, 2.0], [math.nan, 0.0]]))

    @pytest.mark.parametrize(("element", "value", "message"), WRONG)
    def test_states_out_of_range_are_refused_by_name_and_position(self, element, value, message):
        rbm = torch_rbm.RBM(7, 2, visible_units=GROUPS)
        states = torch.tensor(RIGHT).repeat(4, 1)
        torch_rbm.log_likelihood(rbm, states)
        states[2, element] = value
        with pytest.raises(ValueError, match=rf"log_likelihood: .*({message}).*position \[2, "):
            torch_rbm.log_likelihood(rbm, states)

    def test_operators_refuse_integers_for_other_states_than_0_and_1(self):
        rbm = torch_rbm.RBM(3, 2, visible_units="spin")
        with pytest.raises(TypeError, match="spin states are not just 0 and 1, got torch"):
            rbm.free_energy(torch.ones(2, 3, dtype=torch.bool))

    def test_samples_of_continuous_units_are_no_integers(self):
        rbm = torch_rbm.RBM(3, 2, visible_units="gaussian")
        assert rbm.sample_visible(torch.ones(4, 2, dtype=torch.bool)).dtype == torch.float32
        hidden = torch_rbm.RBM(3, 2, hidden_units="gaussian")
        states = torch.ones(4, 3, dtype=torch.uint8)
        assert hidden.gibbs(states)[1].dtype == torch.float32
        assert hidden.gibbs(states)[0].dtype == torch.uint8
