"""Pictures of RBMs, by matplotlib: filters, samples, chains, learning curves, distributions.

Every function draws into the axes that it is given, or into a new figure, and returns the axes.
"""

from torch_rbm.plotting.distributions import activities, free_energies, weights
from torch_rbm.plotting.learning import learning_curve
from torch_rbm.plotting.pictures import (
    chains,
    filters,
    picture_shape,
    run_chains,
    samples,
    save_animation,
    save_samples,
    tiled,
)

__all__ = [
    "activities",
    "chains",
    "filters",
    "free_energies",
    "learning_curve",
    "picture_shape",
    "run_chains",
    "samples",
    "save_animation",
    "save_samples",
    "tiled",
    "weights",
]
