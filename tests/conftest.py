import pytest
import torch
from hypothesis import HealthCheck, settings

from tests import rating_world
from tests.enumeration import Model

# Cases are large on purpose, and how long they take says nothing.
settings.register_profile(
    "large",
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
settings.load_profile("large")


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


@pytest.fixture
def patterns() -> tuple[torch.Tensor, torch.Tensor]:
    """Two groups of noisy pictures, [200, 12], and which group each is of."""
    labels = torch.arange(200) % 2
    ideal = torch.stack([torch.arange(12) < 6, torch.arange(12) >= 6]).float()
    flips = torch.rand(200, 12) < 0.05
    return (ideal[labels] - flips.float()).abs(), labels


@pytest.fixture
def split():
    """Training ratings, test ratings, and the model that they come from."""
    return (*rating_world.halves(), rating_world.world()[1])
