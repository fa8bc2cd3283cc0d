"""An RBM as a classifier of MNIST: the error on the test set.

    TORCH_RBM_DATA=folder python benchmarks/classification.py

The folder holds mnist/. 500 hidden units, 30 epochs of the hybrid loss: some eight minutes.
"""

from __future__ import annotations

import time
from functools import partial

import torch
from cases import mnist_digits, mnist_pictures

import torch_rbm


def main() -> None:
    pixels, digits = mnist_pictures("train"), mnist_digits("train")
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
    pixels, digits = mnist_pictures("t10k"), mnist_digits("t10k")
    with torch.no_grad():
        predicted = torch.cat([rbm.predict(part) for part in pixels.split(1000)])
    error = (predicted != digits).float().mean().item()
    print(f"test error {error:.2%} after {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
