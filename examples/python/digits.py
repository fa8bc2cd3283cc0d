"""Handwritten digits: pretrain a deep belief net, fine-tune a classifier, draw samples.

Uses the 1797 pictures of 8×8 pixels that come with scikit-learn, so nothing is downloaded. Prints
the accuracy on a held-out quarter beside two baselines, and saves pictures and models:

    python examples/python/digits.py --output demo_output
"""

import argparse
import functools
import time
import warnings
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from torch import Tensor

import torch_rbm

SIDE = 8
SIZES = [SIDE * SIDE, 256, 256]


def load() -> list[Tensor]:
    """Return training pixels, test pixels in [0, 1], training labels and test labels."""
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(
        pixels.astype("float32") / 16, labels, test_size=0.25, stratify=labels, random_state=0
    )
    return [torch.from_numpy(part) for part in parts]


def baselines(x: Tensor, x_test: Tensor, y: Tensor, y_test: Tensor) -> dict[str, float]:
    models = {
        "logistic regression on raw pixels": LogisticRegression(max_iter=5000),
        "scikit-learn: BernoulliRBM + logistic regression": make_pipeline(
            BernoulliRBM(n_components=256, learning_rate=0.06, n_iter=40, random_state=0),
            LogisticRegression(C=100, max_iter=5000),
        ),
    }
    return {
        name: model.fit(x.numpy(), y.numpy()).score(x_test.numpy(), y_test.numpy())
        for name, model in models.items()
    }


def save_grid(path: Path, pictures: Tensor, title: str, colours: str, columns: int = 16) -> None:
    """Save square pictures, each scaled to its own largest absolute value."""
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 0.55, rows * 0.55 + 0.4))
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture in zip(axes.flat, pictures.reshape(-1, SIDE, SIDE), strict=False):
        limit = picture.abs().max()
        low = -limit if picture.min() < 0 else 0
        axis.imshow(picture, cmap=colours, vmin=low, vmax=limit, interpolation="nearest")
    figure.suptitle(title, fontsize=11, x=0.5125)  # the middle of the pictures
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="folder to fill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=100, help="of every stage of training")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    started = time.perf_counter()
    x, x_test, y, y_test = load()

    dbn = torch_rbm.DBN(SIZES)
    dbn.pretrain(
        x,
        epochs=arguments.epochs,
        batch_size=50,
        loss=functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=50, centered=True),
    )
    net = dbn.classifier(10, dropout=0.5)
    torch_rbm.fine_tune(
        net,
        x,
        y,
        epochs=arguments.epochs,
        batch_size=50,
        optimizer=functools.partial(torch.optim.Adam, lr=1e-2),
        weight_decay=1e-5,
    )
    with torch.no_grad():
        accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()

    results = baselines(x, x_test, y, y_test)
    results["torch_rbm: deep belief net, pretrained and fine-tuned"] = accuracy
    print(f"\nAccuracy on {len(x_test)} held-out digits")
    for name, value in results.items():
        print(f"  {value:.4f}  {name}")

    filters = dbn.layers[0].weight.detach()
    strongest = filters.norm(dim=1).argsort(descending=True)[:96]
    save_grid(
        arguments.output / "filters.png",
        filters[strongest],
        "First layer: weights of the 96 strongest hidden units",
        "RdBu_r",
    )
    save_grid(
        arguments.output / "samples.png",
        dbn.sample(96, steps=2000, mean_visible=True).detach(),
        "Digits drawn from the deep belief net (probabilities of the pixels)",
        "gray",
    )
    torch_rbm.save(dbn, arguments.output / "dbn_weights.pt")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        torch.jit.script(dbn).save(str(arguments.output / "dbn.pt"))
        torch.jit.script(net).save(str(arguments.output / "classifier.pt"))

    print(f"\nSaved in {arguments.output} after {time.perf_counter() - started:.0f} s")
    for path in sorted(arguments.output.iterdir()):
        print(f"  {path}  {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
