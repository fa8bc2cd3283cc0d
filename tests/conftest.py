import pytest
import torch

from tests.enumeration import Model


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def model() -> Model:
    return Model.random(6, 4)


@pytest.fixture
def data(model: Model) -> torch.Tensor:
    """Twelve binary rows of six units."""
    return (torch.rand(12, 6, generator=torch.Generator().manual_seed(1)) < 0.4).double()
