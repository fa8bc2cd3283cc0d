"""Restricted Boltzmann machines as PyTorch operators written in C++."""

from torch_rbm import _library

__version__ = _library.load()

from torch_rbm import ops
from torch_rbm._library import cmake_prefix_path
from torch_rbm.dbn import DBN
from torch_rbm.losses import ContrastiveDivergence, PersistentContrastiveDivergence
from torch_rbm.rbm import RBM
from torch_rbm.training import fit

__all__ = [
    "DBN",
    "RBM",
    "ContrastiveDivergence",
    "PersistentContrastiveDivergence",
    "__version__",
    "cmake_prefix_path",
    "fit",
    "ops",
]
