"""Between what scikit-learn has and what torch has: arrays, random numbers, units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torch_rbm.sparse import from_scipy, is_scipy
from torch_rbm.units import Units, UnitsLike

Array = NDArray[Any]

# What data are converted to, where they are something else.
FLOATS = (np.float64, np.float32)


def to_tensor(X: Any, dtype: torch.dtype = torch.float32) -> Tensor:
    """A tensor of an array or of a sparse matrix, which shares nothing with it."""
    if is_scipy(X):
        return from_scipy(X.copy()).to(dtype)
    # Of arrays that may only be read torch makes no tensors without a warning.
    return torch.from_numpy(np.array(X)).to(dtype)


def to_dense(X: Any) -> Any:
    """An array of an array or of a sparse matrix."""
    return X.toarray() if is_scipy(X) else X


@contextmanager
def seeded(random: np.random.RandomState) -> Iterator[None]:
    """Let torch's default generator go on from the next random number, and leave it as it was."""
    seed = int(random.randint(2**31 - 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def units_for(estimator: object, visible_units: UnitsLike, X: Any) -> Units:
    """The visible units that are asked for; "auto" looks at the data.

    Bernoulli units where all data are in [0, 1], else gaussian ones.
    """
    if visible_units == "auto":
        visible_units = "bernoulli" if X.min() >= 0 and X.max() <= 1 else "gaussian"
    return Units(type(estimator).__name__, "visible_units", visible_units, X.shape[1])
