"""torch-rbm demo: from data to pictures in half a minute."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import torch_rbm
from torch_rbm.losses.estimate import independent_chains
from torch_rbm.plotting import save_samples


def run_demo(options: argparse.Namespace) -> None:
    """Train on handwritten digits; write data, model, log and samples to a folder."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("the demo needs scikit-learn, pip install it") from error
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    digits = (torch.from_numpy(load_digits().data) > 7).float()
    train, test = digits[:1500], digits[1500:]
    torch.save(digits, folder / "digits.pt")

    rbm = torch_rbm.RBM(64, 100)
    torch_rbm.initialize(rbm, train)
    before = torch_rbm.log_likelihood(rbm, test, betas=1000, progress=False)
    torch_rbm.fit(
        rbm, train, epochs=150, batch_size=20, callbacks=[torch_rbm.CSVLog(folder / "log.csv")]
    )
    after = torch_rbm.log_likelihood(rbm, test, progress=False)
    torch_rbm.save(rbm, folder / "model.pt")
    with torch.no_grad():
        _, hidden = rbm.gibbs(independent_chains(rbm, 100), 5000)
        save_samples(rbm.visible_mean(hidden), folder / "samples.png")
    print(f"log-likelihood of 297 digits that were not in the training: {before:.2f} nats each for")
    print(f"independent pixels, {after:.2f} after training")
    print(f"{folder}/digits.pt     the data: 1797 digits of 8 x 8 pixels")
    print(f"{folder}/model.pt      the model; try")
    print(f"    torch-rbm evaluate {folder}/model.pt {folder}/digits.pt")
    print(f"{folder}/samples.png   a hundred digits that it has drawn")
    print(f"{folder}/log.csv       the numbers of each epoch")
