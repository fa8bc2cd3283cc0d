"""Training: the loop, what may be added to it, and how it survives being stopped."""

from torch_rbm.training.callbacks import Callback, CSVLog, TensorBoardLog
from torch_rbm.training.factories import (
    LossFactory,
    OptimizerFactory,
    SchedulerFactory,
    linear_decay,
    sgd,
)
from torch_rbm.training.fine_tuning import fine_tune
from torch_rbm.training.fit import fit
from torch_rbm.training.history import Epoch, History, RBMEpoch, SupervisedEpoch
from torch_rbm.training.sparsity import SparsityTarget

__all__ = [
    "CSVLog",
    "Callback",
    "Epoch",
    "History",
    "LossFactory",
    "OptimizerFactory",
    "RBMEpoch",
    "SchedulerFactory",
    "SparsityTarget",
    "SupervisedEpoch",
    "TensorBoardLog",
    "fine_tune",
    "fit",
    "linear_decay",
    "sgd",
]
