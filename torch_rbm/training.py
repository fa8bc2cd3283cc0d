"""Training loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from torch_rbm.data import Batches, Data
from torch_rbm.losses import ContrastiveDivergence
from torch_rbm.rbm import RBM
from torch_rbm.sparse import is_csr
from torch_rbm.validation import check_count, check_factory, check_rbm

#: Makes an optimizer for parameters, such as ``torch.optim.Adam``.
OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
#: Makes a loss for an RBM, such as ``ContrastiveDivergence``.
LossFactory = Callable[[RBM], nn.Module]


def sgd(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Make the optimizer that :func:`fit` uses by default: SGD, rate 0.1, momentum 0.9."""
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
        data: states of the visible units, or means such as probabilities of Bernoulli units: a
            tensor or NumPy array [cases, ...], a CSR tensor or a matrix of scipy.sparse, a Dataset
            or a DataLoader. A tensor is checked as a whole before training, everything else batch
            by batch. Floating-point data are cast to the dtype of the RBM.
        epochs: passes over the data.
        batch_size: rows of a batch; a DataLoader keeps its own.
        loss: makes the loss for the RBM, CD-1 by default; for others
            ``functools.partial(PersistentContrastiveDivergence, chains=100, steps=5)``.
        optimizer: makes the optimizer for the parameters: by default SGD with learning rate 0.1
            and momentum 0.9; for others ``functools.partial(torch.optim.Adam, lr=1e-3)``. The
            learning rate falls linearly to zero over the training.
        transform: applied to every batch, without recording it, for example the layers below.
        generator: shuffles the data and draws the chains' random numbers; the default generator
            when None.
        progress: show a progress bar.
        description: the words in front of the bar.

    Returns:
        The mean value of the loss in each epoch. For contrastive divergence this is the energy gap
        between data and chains, which is no likelihood and need not fall; see
        :func:`torch_rbm.log_likelihood` for one.

    Raises:
        TypeError, ValueError: ``data`` or an option is not as described.
        FloatingPointError: training diverged; the learning rate is too high.
    """
    where = "fit"
    check_rbm(where, rbm)
    epochs = check_count(where, "epochs", epochs, 0)
    check_factory(where, "loss", loss, "ContrastiveDivergence")
    check_factory(where, "optimizer", optimizer, "torch.optim.Adam")
    if isinstance(data, Tensor) and data.dim() > 1 and transform is None:
        whole = data if is_csr(data) else data.flatten(1)
        rbm.visible_layer().check(where, "data", whole)
    batches = Batches(where, data, batch_size, rbm.weight, generator)
    criterion = loss(rbm)
    stepper = optimizer(rbm.parameters())
    total = max(epochs * len(batches), 1)
    schedule = torch.optim.lr_scheduler.LinearLR(stepper, 1.0, 0.0, total_iters=total)
    parameters = list(rbm.parameters())
    before = {name: value.detach().clone() for name, value in rbm.named_parameters()}
    values: list[float] = []
    try:
        with tqdm(total=total, desc=description, disable=not progress, unit="batch") as bar:
            for _ in range(epochs):
                epoch_sum = torch.zeros((), device=rbm.weight.device)
                for batch in batches:
                    if transform is not None:
                        with torch.no_grad():
                            batch = transform(batch)
                    stepper.zero_grad()
                    value = criterion(batch, generator)
                    value.backward()
                    stepper.step()
                    schedule.step()
                    epoch_sum += value.detach().to(epoch_sum)
                    bar.update()
                values.append(epoch_sum.item() / len(batches))
                if not (math.isfinite(values[-1]) and all(p.isfinite().all() for p in parameters)):
                    raise FloatingPointError(
                        f"{where}: training diverged in epoch {len(values)}; expected a lower "
                        "learning rate; the parameters are as they were"
                    )
                bar.set_postfix(loss=f"{values[-1]:.3f}")
    except Exception:
        rbm.load_state_dict(before)
        raise
    return values
