"""Training loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from torch_rbm.data import Batches, Data
from torch_rbm.losses import ContrastiveDivergence
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_binary_range

#: Makes an optimiser for parameters, such as ``torch.optim.Adam``.
OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
#: Makes a loss for an RBM, such as ``ContrastiveDivergence``.
LossFactory = Callable[[RBM], ContrastiveDivergence]


def sgd(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Make the optimiser that :func:`fit` uses by default: SGD, rate 0.1, momentum 0.9."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def fit(
    rbm: RBM,
    data: Data,
    *,
    epochs: int = 10,
    batch_size: int = 100,
    loss: LossFactory = ContrastiveDivergence,
    optimizer: OptimizerFactory = sgd,
    transform: Callable[[Tensor], Tensor] | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
    description: str = "fit",
) -> list[float]:
    """Train an RBM; when anything goes wrong its parameters are left as they were.

    Args:
        rbm: the RBM, changed in place.
        data: a tensor [cases, ...], a Dataset or a DataLoader of states or probabilities in [0, 1].
            A tensor is checked as a whole before training, everything else batch by batch.
        epochs: passes over the data.
        batch_size: rows of a batch; a DataLoader keeps its own.
        loss: makes the loss, such as ``functools.partial(PersistentContrastiveDivergence,
            chains=100)``.
        optimizer: makes the optimiser for the parameters. The learning rate falls linearly to zero.
        transform: applied to every batch, without recording it, for example the layers below.
        generator: shuffles the data and draws the chains' random numbers; the default generator
            when None.
        progress: show a progress bar.
        description: the words in front of the bar.

    Returns:
        The mean energy gap of each epoch.

    Raises:
        TypeError, ValueError: ``data`` or an option is not as described.
    """
    where = "fit"
    if epochs < 0:
        raise ValueError(f"{where}: expected epochs >= 0, got {epochs}")
    if isinstance(data, Tensor):
        check_binary_range(where, "data", data)
    batches = Batches(where, data, batch_size, rbm.weight, generator)
    criterion = loss(rbm)
    stepper = optimizer(rbm.parameters())
    total = max(epochs * len(batches), 1)
    schedule = torch.optim.lr_scheduler.LinearLR(stepper, 1.0, 0.0, total_iters=total)
    before = {name: value.detach().clone() for name, value in rbm.named_parameters()}
    gaps: list[float] = []
    try:
        with tqdm(total=total, desc=description, disable=not progress, unit="batch") as bar:
            for _ in range(epochs):
                gap = torch.zeros((), device=rbm.weight.device)
                for batch in batches:
                    if transform is not None:
                        with torch.no_grad():
                            batch = transform(batch)
                    stepper.zero_grad()
                    value = criterion(batch, generator)
                    value.backward()
                    stepper.step()
                    schedule.step()
                    gap += value.detach()
                    bar.update()
                gaps.append(gap.item() / len(batches))
                bar.set_postfix(energy_gap=f"{gaps[-1]:.3f}")
    except Exception:
        rbm.load_state_dict(before)
        raise
    return gaps
