"""Restricted Boltzmann machines as PyTorch operators written in C++."""

from torch_rbm import _library

__version__ = _library.load()

from torch_rbm import ops
from torch_rbm._library import cmake_prefix_path
from torch_rbm.centering import Centering
from torch_rbm.dbn import DBN
from torch_rbm.evaluation import (
    Estimate,
    ais_schedule,
    kl_divergence,
    log_likelihood,
    log_partition,
)
from torch_rbm.losses import (
    ContrastiveDivergence,
    ExactLikelihood,
    PersistentContrastiveDivergence,
)
from torch_rbm.monitors import free_energy_gap, pseudo_log_likelihood, reconstruction_error
from torch_rbm.rbm import RBM
from torch_rbm.training import fit

__all__ = [
    "DBN",
    "RBM",
    "Centering",
    "ContrastiveDivergence",
    "Estimate",
    "ExactLikelihood",
    "PersistentContrastiveDivergence",
    "__version__",
    "ais_schedule",
    "cmake_prefix_path",
    "fit",
    "free_energy_gap",
    "kl_divergence",
    "log_likelihood",
    "log_partition",
    "ops",
    "pseudo_log_likelihood",
    "reconstruction_error",
]
