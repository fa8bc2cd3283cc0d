"""Restricted Boltzmann machines as PyTorch operators written in C++."""

from torch_rbm import _library

__version__ = _library.load()

from torch_rbm import ops, ratings
from torch_rbm._library import cmake_prefix_path
from torch_rbm.annealing import ais_schedule
from torch_rbm.centering import Centering
from torch_rbm.classification import ClassificationRBM, HybridLoss
from torch_rbm.conversion import exchange_spins
from torch_rbm.data import decode_categories, encode_categories
from torch_rbm.dbn import (
    DBN,
    Autoencoder,
    BeliefLayer,
    UpDown,
    fit_up_down,
    lower_bound,
    pretrain,
)
from torch_rbm.diagnostics import (
    ChainReport,
    autocorrelation_time,
    diagnose_chains,
    effective_sample_size,
)
from torch_rbm.evaluation import (
    Estimate,
    kl_divergence,
    log_likelihood,
    log_partition,
)
from torch_rbm.filling_in import fill_in
from torch_rbm.initialization import initialize
from torch_rbm.losses import (
    ContrastiveDivergence,
    ExactLikelihood,
    FastPersistentContrastiveDivergence,
    MeanFieldContrastiveDivergence,
    ParallelTempering,
    PersistentContrastiveDivergence,
    TrajectoryTempering,
)
from torch_rbm.monitors import free_energy_gap, reconstruction_error
from torch_rbm.persistence import load, save
from torch_rbm.pseudo_likelihood import pseudo_log_likelihood
from torch_rbm.ratings import (
    ImplicitRecommender,
    RatingsContrastiveDivergence,
    RatingsRBM,
    RatingTable,
    Recommender,
    fit_ratings,
)
from torch_rbm.rbm import RBM
from torch_rbm.standardization import Standardization
from torch_rbm.training import (
    Callback,
    CSVLog,
    Epoch,
    History,
    RBMEpoch,
    SparsityTarget,
    SupervisedEpoch,
    TensorBoardLog,
    fine_tune,
    fit,
    linear_decay,
)

__all__ = [
    "DBN",
    "RBM",
    "Autoencoder",
    "BeliefLayer",
    "CSVLog",
    "Callback",
    "Centering",
    "ChainReport",
    "ClassificationRBM",
    "ContrastiveDivergence",
    "Epoch",
    "Estimate",
    "ExactLikelihood",
    "FastPersistentContrastiveDivergence",
    "History",
    "HybridLoss",
    "ImplicitRecommender",
    "MeanFieldContrastiveDivergence",
    "ParallelTempering",
    "PersistentContrastiveDivergence",
    "RBMEpoch",
    "RatingTable",
    "RatingsContrastiveDivergence",
    "RatingsRBM",
    "Recommender",
    "SparsityTarget",
    "Standardization",
    "SupervisedEpoch",
    "TensorBoardLog",
    "TrajectoryTempering",
    "UpDown",
    "__version__",
    "ais_schedule",
    "autocorrelation_time",
    "cmake_prefix_path",
    "decode_categories",
    "diagnose_chains",
    "effective_sample_size",
    "encode_categories",
    "exchange_spins",
    "fill_in",
    "fine_tune",
    "fit",
    "fit_ratings",
    "fit_up_down",
    "free_energy_gap",
    "initialize",
    "kl_divergence",
    "linear_decay",
    "load",
    "log_likelihood",
    "log_partition",
    "lower_bound",
    "ops",
    "pretrain",
    "pseudo_log_likelihood",
    "ratings",
    "reconstruction_error",
    "save",
]
