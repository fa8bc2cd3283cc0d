"""The models and data that the operators are timed on."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import torch_rbm


@dataclass(frozen=True)
class Case:
    """A batch for a model. ``density`` is the share of active visible units, None for MNIST.

    Of gaussian visible units it is that of the hidden ones.
    """

    visible: int = 784
    hidden: int = 500
    batch: int = 128
    density: float | None = None
    dtype: torch.dtype = torch.float32
    threads: int = 2
    visible_units: str = "bernoulli"

    def __str__(self) -> str:
        density = "MNIST" if self.density is None else f"{self.density:.0%} active"
        if self.visible_units != "bernoulli":
            density = f"{self.visible_units} visible units"
        dtype = str(self.dtype).removeprefix("torch.")
        return (
            f"{self.visible} x {self.hidden}, batch {self.batch}, {density}, {dtype}, "
            f"{self.threads} thread{'s' * (self.threads > 1)}"
        )


@dataclass(frozen=True)
class Workload:
    """What an operator needs: a batch, chains, and the parameters of a model."""

    data: Tensor
    chain: Tensor
    weight: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor
    visible_units: str = "bernoulli"

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.weight, self.visible_bias, self.hidden_bias


def mnist_file(name: str, header: int) -> Tensor | None:
    """The bytes of a file of MNIST after its header, uint8; None without TORCH_RBM_DATA."""
    folder = os.environ.get("TORCH_RBM_DATA")
    if folder is None:
        return None
    with gzip.open(Path(folder) / "mnist" / f"{name}.gz") as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=header).copy())


def mnist_pictures(name: str) -> Tensor:
    """Grey values in [0, 1] of "train" or "t10k", [cases, 784]."""
    pixels = mnist_file(f"{name}-images-idx3-ubyte", 16)
    if pixels is None:
        raise SystemExit("set TORCH_RBM_DATA to the folder that holds mnist/")
    return pixels.reshape(-1, 784).float() / 255


def mnist_digits(name: str) -> Tensor:
    """The digits of "train" or "t10k", int64 [cases]."""
    digits = mnist_file(f"{name}-labels-idx1-ubyte", 8)
    assert digits is not None  # they lie beside the pictures
    return digits.long()


def mnist() -> Tensor | None:
    """The training pictures, [60000, 784], 0 or 1 by a threshold of one half; None without them."""
    pixels = mnist_file("train-images-idx3-ubyte", 16)
    return None if pixels is None else pixels.reshape(-1, 784) > 127


_trained: dict[int, tuple[torch_rbm.RBM, Tensor]] = {}


def _mnist_model(hidden: int) -> tuple[torch_rbm.RBM, Tensor]:
    """An RBM after three passes of PCD over MNIST, and the pictures.

    A tenth of the pixels is active, a third of the hidden units: log p(v) is about -110.
    """
    if hidden not in _trained:
        pictures = mnist()
        if pictures is None:
            raise RuntimeError("set TORCH_RBM_DATA to the folder that holds mnist/")
        pictures = pictures[torch.randperm(len(pictures))]
        rbm = torch_rbm.RBM(784, hidden)
        frequency = pictures.float().mean(0).clamp(1e-3, 1 - 1e-3)
        rbm.visible_bias.data = torch.logit(frequency)
        torch_rbm.fit(
            rbm,
            pictures.float(),
            loss=partial(torch_rbm.PersistentContrastiveDivergence, chains=128),
            optimizer=partial(torch.optim.SGD, lr=0.05),
            epochs=3,
            batch_size=128,
            progress=False,
        )
        _trained[hidden] = rbm, pictures
    return _trained[hidden]


def make(case: Case) -> Workload:
    """The workload of a case; MNIST with trained weights, else random states and small weights."""
    torch.manual_seed(0)
    if case.density is None:
        rbm, pictures = _mnist_model(case.hidden)
        data = pictures[: case.batch].to(case.dtype)
        parameters = [p.detach().to(case.dtype) for p in rbm.parameters()]
    else:
        # Weights of which the states remain as they are drawn: hidden units as often as visible.
        odds = torch.logit(torch.tensor(case.density, dtype=torch.float64))
        data = (torch.rand(case.batch, case.visible) < case.density).to(case.dtype)
        weight = torch.randn(case.hidden, case.visible) * 0.01
        biases = [odds.expand(size).clone() for size in (case.visible, case.hidden)]
        parameters = [p.to(case.dtype) for p in (weight, *biases)]
        if case.visible_units == "gaussian":
            data = torch.randn(case.batch, case.visible, dtype=case.dtype)
    return Workload(data, data.clone(), *parameters, case.visible_units)
