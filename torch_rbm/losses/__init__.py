"""Training losses: modules whose backward() leaves an estimate of the likelihood's gradient."""

from torch_rbm.losses.contrastive_divergence import (
    ContrastiveDivergence,
    MeanFieldContrastiveDivergence,
    PersistentContrastiveDivergence,
)
from torch_rbm.losses.exact import ExactLikelihood
from torch_rbm.losses.fast_weights import FastPersistentContrastiveDivergence
from torch_rbm.losses.parallel_tempering import ParallelTempering
from torch_rbm.losses.trajectory_tempering import TrajectoryTempering

__all__ = [
    "ContrastiveDivergence",
    "ExactLikelihood",
    "FastPersistentContrastiveDivergence",
    "MeanFieldContrastiveDivergence",
    "ParallelTempering",
    "PersistentContrastiveDivergence",
    "TrajectoryTempering",
]
