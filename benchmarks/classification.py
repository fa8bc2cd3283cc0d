"""An RBM as a classifier of MNIST: the error on the test set.

    TORCH_RBM_DATA=folder python benchmarks/classification.py

The folder holds mnist/. 500 hidden units, 30 epochs of the hybrid loss: some eight minutes.
"""

from __future__ import annotations

import time
from functools import partial

import torch
from cases import mnist_file, mnist_pictures
from torch import Tensor

import torch_rbm


def load(name: str) -> tuple[Tensor, Tensor]:
    """Grey values in [0, 1], [cases, 784], and digits, [cases]."""
    pixels = mnist_pictures(name)
    digits = mnist_file(f"{name}-labels-idx1-ubyte", 8)
    assert digits is not None  # they lie beside the pictures
    return pixels, digits.long()


def main() -> None:
    pixels, digits = load("train")
    torch.manual_seed(0)
    rbm = torch_rbm.ClassificationRBM(784, 500, 10)
    states = rbm.joint(pixels, digits)
    torch_rbm.initialize(rbm, states)
    started = time.perf_counter()
    torch_rbm.fit(
        rbm,
        states,
        loss=partial(torch_rbm.HybridLoss, generative_weight=0.01),
        optimizer=partial(torch.optim.Adam, lr=1e-3),
        epochs=30,
        batch_size=100,
    )
    minutes = (time.perf_counter() - started) / 60
    pixels, digits = load("t10k")
    with torch.no_grad():
        predicted = torch.cat([rbm.predict(part) for part in pixels.split(1000)])
    error = (predicted != digits).float().mean().item()
    print(f"test error {error:.2%} after {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
