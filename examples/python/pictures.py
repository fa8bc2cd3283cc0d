"""Every kind of picture of an RBM of handwritten digits.

    python examples/python/pictures.py --output pictures

Uses the digits that come with scikit-learn; writes pictures.png, learning.png and particles.gif.
"""

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import torch
from matplotlib import pyplot
from sklearn.datasets import load_digits
from torch import Tensor

import torch_rbm
from torch_rbm import plotting


def initialized_and_trained(
    hidden: int, train: Tensor, test: Tensor, epochs: int
) -> torch_rbm.History[torch_rbm.RBMEpoch]:
    rbm = torch_rbm.RBM(64, hidden)
    torch_rbm.initialize(rbm, train)
    return torch_rbm.fit(rbm, train, epochs=epochs, batch_size=20, validation=test, progress=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("pictures"))
    parser.add_argument("--epochs", type=int, default=150)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    digits = (torch.from_numpy(load_digits().data) > 7).float()
    train, test = digits[:1500], digits[1500:]

    rbm = torch_rbm.RBM(64, 100)
    torch_rbm.initialize(rbm, train)
    torch_rbm.fit(rbm, train, epochs=options.epochs, batch_size=20)

    figure, axes = pyplot.subplots(2, 3, figsize=(12, 8), layout="constrained")
    plotting.samples(plotting.run_chains(rbm, test[:100], 2, steps=1000)[-1], ax=axes[0, 0])
    plotting.filters(rbm, ax=axes[0, 1])
    plotting.chains(plotting.run_chains(rbm, test[:8], 12, steps=5), ax=axes[0, 2])
    plotting.weights(rbm, ax=axes[1, 0])
    plotting.activities(rbm, train, ax=axes[1, 1])
    noise = test[:, torch.randperm(64)]
    groups = {"training": train, "validation": test, "pixels exchanged": noise}
    plotting.free_energies(rbm, groups, ax=axes[1, 2])
    titles = ("samples", "filters", "chains", "weights", "hidden units", "free energy")
    for ax, title in zip(axes.flat, titles, strict=True):
        ax.set_title(title)
    figure.savefig(options.output / "pictures.png", dpi=100)

    histories = {
        f"{hidden} hidden units": [
            initialized_and_trained(hidden, train, test, max(options.epochs // 5, 1))
            for _ in range(3)
        ]
        for hidden in (4, 12)
    }
    ax = plotting.learning_curve(histories)
    ax.set_ylabel("log-likelihood of 297 digits, nats each")
    ax.figure.savefig(options.output / "learning.png", dpi=80)

    frames = plotting.run_chains(rbm, torch.rand(40, 64).round(), 60)
    plotting.save_animation(frames, options.output / "particles.gif", columns=8)
    print(f"{options.output}: pictures.png, learning.png, particles.gif")


if __name__ == "__main__":
    main()
