"""Real digits, where TORCH_RBM_DATA names a folder with mnist/*-ubyte.gz in it."""

import functools
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import torch

import torch_rbm

FOLDER = os.environ.get("TORCH_RBM_DATA")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="TORCH_RBM_DATA is not set")


def images(name: str) -> torch.Tensor:
    """The pixels of an idx file, [images, 784], 0 or 1 by a threshold of one half."""
    with gzip.open(Path(FOLDER) / "mnist" / f"{name}-images-idx3-ubyte.gz") as file:
        content = file.read()
    pixels = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 784)
    return torch.from_numpy(pixels > 127)


def test_exact_likelihood_of_a_small_model():
    """Three passes of PCD over 60,000 digits with 16 hidden units, judged by exact enumeration.

    Independent pixels of the right frequencies have about -206 nats on the test set; the published
    optimum of this size, after fifty passes, is about -143.
    """
    train, test = images("train"), images("t10k")
    frequency = (train.float().sum(0) + 1) / (len(train) + 2)
    rbm = torch_rbm.RBM(784, 16)
    with torch.no_grad():
        rbm.visible_bias.copy_(torch.logit(frequency))

    def log_likelihood() -> float:
        with torch.no_grad():
            return (-rbm.free_energy(test).double().mean() - rbm.log_partition()).item()

    before = log_likelihood()
    torch_rbm.fit(
        rbm,
        train,
        epochs=3,
        loss=functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=100),
        optimizer=functools.partial(torch.optim.SGD, lr=0.05),
        progress=False,
    )
    assert before == pytest.approx(-206, abs=4)
    assert log_likelihood() > -170
