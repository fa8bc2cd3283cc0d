"""Pretraining as one stage of a larger model: any nn.Sequential, in place.

1797 digits of 8×8 pixels, of which only a hundred have labels. The same convolution-free network is
trained from its random weights, and after pretraining on all pictures without their labels:

    python examples/python/pretrain_network.py
"""

import functools

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import torch_rbm

LABELS = 100


def load() -> tuple[Tensor, Tensor]:
    """Return pictures in [0, 1], [cases, 8, 8], and their digits, shuffled."""
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    pictures = torch.from_numpy(digits.images).float() / 16
    return pictures[order], torch.from_numpy(digits.target)[order]


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 256),
        nn.Sigmoid(),
        nn.Linear(256, 256),
        nn.Sigmoid(),
        nn.Dropout(0.3),
        nn.Linear(256, 10),
    )


def accuracy(net: nn.Module, pictures: Tensor, digits: Tensor) -> float:
    torch_rbm.fine_tune(
        net,
        pictures[:LABELS],
        digits[:LABELS],
        epochs=200,
        batch_size=20,
        optimizer=functools.partial(torch.optim.Adam, lr=3e-3),
        progress=False,
    )
    with torch.no_grad():
        right = net(pictures[LABELS:]).argmax(1) == digits[LABELS:]
    return right.float().mean().item()


def main() -> None:
    torch.manual_seed(0)
    pictures, digits = load()
    plain, pretrained = network(), network()
    torch_rbm.pretrain(pretrained, pictures, epochs=100, batch_size=50, binarize=True)
    print(f"Accuracy with {LABELS} labels, on the other {len(digits) - LABELS} digits")
    print(f"  {accuracy(plain, pictures, digits):.4f}  from random weights")
    print(f"  {accuracy(pretrained, pictures, digits):.4f}  pretrained on pictures alone")


if __name__ == "__main__":
    main()
