"""Standardization: what is learned of standardised data, as a model of the data as they are."""

import numpy as np
import pytest
import torch

import torch_rbm
from torch_rbm import Standardization

UNITS = [("flag", "bernoulli", 2), ("size", "gaussian", 2), ("rate", "relu", 1)]


def measurements(cases=50):
    g = torch.Generator().manual_seed(0)
    flags = (torch.rand(cases, 2, generator=g) < 0.5).double()
    sizes = torch.randn(cases, 2, generator=g).double() * torch.tensor([0.1, 300.0]) + 50
    return torch.cat([flags, sizes, torch.rand(cases, 1, generator=g).double()], 1)


def test_columns_of_gaussian_units_alone_are_changed():
    data = measurements()
    standardised = Standardization.of(
        data, torch_rbm.RBM(5, 1, visible_units=UNITS).visible_layer()
    )
    result = standardised.apply(data)
    assert result[:, [0, 1, 4]].equal(data[:, [0, 1, 4]].float())
    torch.testing.assert_close(result[:, 2:4].mean(0), torch.zeros(2), atol=1e-2, rtol=0)
    torch.testing.assert_close(
        result[:, 2:4].std(0, correction=0), torch.ones(2), atol=1e-2, rtol=0
    )


@pytest.mark.parametrize("learn_precision", [False, True])
def test_energies_are_those_of_the_standardised_data(learn_precision):
    """Up to a constant, which log Z takes up."""
    torch.manual_seed(0)
    data = measurements()
    rbm = torch_rbm.RBM(5, 4, visible_units=UNITS, learn_precision=learn_precision)
    for parameter in rbm.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    standardization = Standardization.of(data, rbm.visible_layer())
    raw = standardization.of_raw_data(rbm)
    assert raw.weight.dtype == torch.float64
    expected = rbm.double().free_energy((data - standardization.mean) / standardization.scale)
    difference = raw.free_energy(data) - expected
    torch.testing.assert_close(difference, difference[:1].expand(50), atol=1e-6, rtol=0)


def test_densities_are_those_of_the_data_as_they_are():
    torch.manual_seed(0)
    data = measurements()
    gaussian = torch_rbm.RBM(2, 3, visible_units="gaussian", learn_precision=True)
    torch.nn.init.normal_(gaussian.weight, std=0.3)
    of_two = Standardization.of(data[:, 2:4], gaussian.visible_layer())
    raw = of_two.of_raw_data(gaussian)
    density = torch_rbm.log_likelihood(raw, data[:, 2:4]).value
    standardised = torch_rbm.log_likelihood(gaussian, of_two.apply(data[:, 2:4])).value
    assert density == pytest.approx(standardised - of_two.scale.log().sum().item(), abs=1e-3)


def test_a_classifier_stays_one():
    rbm = torch_rbm.ClassificationRBM(2, 3, 2, data_units="gaussian")
    data = torch.cat([measurements()[:, 2:4].float(), torch.eye(2).repeat(25, 1)], 1)
    standardization = Standardization.of(data, rbm.visible_layer())
    raw = standardization.of_raw_data(rbm)
    assert isinstance(raw, torch_rbm.ClassificationRBM)
    expected = rbm(standardization.apply(data)[:, :2])
    torch.testing.assert_close(raw(data[:, :2].double()).float(), expected, atol=1e-3, rtol=1e-3)


def test_models_without_real_numbers_stay_as_they_are():
    rbm = torch_rbm.RBM(3, 2)
    data = np.array([[0, 1, 1], [1, 0, 1]])
    standardization = Standardization.of(data, rbm.visible_layer())
    assert standardization.of_raw_data(rbm) is rbm
    assert standardization.apply(data).equal(torch.from_numpy(data).float())


def test_missing_values_and_constant_columns():
    units = torch_rbm.RBM(3, 1, visible_units="gaussian").visible_layer()
    data = torch.tensor([[1.0, 7.0, torch.nan], [3.0, 7.0, torch.nan], [torch.nan, 7.0, torch.nan]])
    standardization = Standardization.of(data, units)
    assert standardization.mean.tolist() == [2, 7, 0]
    assert standardization.scale.tolist() == [1, 1, 1]
    assert standardization.apply(data)[:, 0].nan_to_num(9).tolist() == [-1, 1, 9]


def test_other_shapes_are_refused():
    units = torch_rbm.RBM(3, 1, visible_units="gaussian").visible_layer()
    for shape in [(0, 3), (2, 4), (3,)]:
        with pytest.raises(
            ValueError, match=r"Standardization: expected data of shape \[cases, 3\]"
        ):
            Standardization.of(torch.zeros(shape), units)


def test_fit_warns_of_columns_that_are_not_standardised():
    torch.manual_seed(0)
    data = measurements()
    data[:, 2:4] *= 1e-3
    data[:, 3] += 50
    rbm = torch_rbm.RBM(5, 2, visible_units=UNITS)
    options = {"epochs": 1, "progress": False, "optimizer": lambda p: torch.optim.SGD(p, lr=1e-9)}
    with pytest.warns(UserWarning, match=r"column 3 is, .* 50 standard deviations from"):
        torch_rbm.fit(rbm, data, **options)
    standardised = Standardization.of(data, rbm.visible_layer()).apply(data)
    torch_rbm.fit(rbm, standardised, **options)  # warnings are errors
    precise = torch_rbm.RBM(5, 2, visible_units=UNITS, learn_precision=True)
    torch_rbm.initialize(precise, data)
    torch_rbm.fit(precise, data, **options)
