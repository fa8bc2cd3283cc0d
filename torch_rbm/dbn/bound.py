"""The variational lower bound on the log-likelihood of a deep belief net."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from torch_rbm.classification import ClassificationRBM
from torch_rbm.dbn.net import DBN
from torch_rbm.dbn.probability import log_generation, log_recognition
from torch_rbm.evaluation import Estimate, is_exact, log_partition
from torch_rbm.rbm import RBM
from torch_rbm.sparse import split_rows
from torch_rbm.validation import as_rows, check_count, words

# Rows whose states in all layers are held at a time.
_ROWS = 2000
# Gibbs steps from the data to samples of the top RBM.
_STEPS = 1000


@torch.no_grad()
def lower_bound(
    dbn: DBN,
    visible: Tensor,
    *,
    samples: int = 10,
    method: str = "auto",
    chains: int = 100,
    betas: int | Tensor = 14_500,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> Estimate:
    """Estimate a lower bound on the mean log-likelihood of a deep belief net, in nats per case.

    log p(v) ≥ E_q[log p(v | h₁) + … + log p*(h_{L−1}) − log q(h₁ | v) − …] − log Z, where q is the
    pass up, p* the top RBM's distribution without its normaliser, and log Z from
    :func:`torch_rbm.log_partition` (Salakhutdinov and Murray 2008, section 4), whose reverse chains
    start at what the top RBM makes of the data. Labels are summed out. Of a net with one layer it
    is the log-likelihood itself.

    Args:
        dbn: the net, with finite parameters.
        visible: states, [cases, visible].
        samples: passes up for each case.
        method: see :func:`torch_rbm.log_partition`.
        chains: likewise.
        betas: likewise.
        generator: source of random numbers; the default generator when None.
        progress: show a progress bar.

    Returns:
        The bound. Its error is that of log Z and that of the samples of the pass up; the bracket
        is the one of log Z.

    Raises:
        TypeError, ValueError: an argument is not as described.
    """
    where = "lower_bound"
    if not isinstance(dbn, DBN):
        raise TypeError(f"{where}: expected a torch_rbm.DBN, got {words(dbn)}")
    samples = check_count(where, "samples", samples, 1)
    dbn.visible_layer().check(where, "visible", visible, states=True)
    rows = as_rows(visible)
    if len(rows) == 0:
        raise ValueError(f"{where}: expected at least one case, got {list(visible.shape)}")
    top = dbn.layers[-1]
    total = torch.zeros(samples, dtype=torch.float64)
    states = rows[:0]
    for part in split_rows(rows, _ROWS):
        for i in range(samples):
            states, log_ratio = _pass_up(dbn, part.to(top.weight), generator)
            total[i] += (log_ratio - _top_free_energy(top, states)).double().sum().cpu()
    means = total / len(rows)
    error = means.std().item() / math.sqrt(samples) if samples > 1 else 0.0
    known: Tensor | None = None
    model_states: Tensor | None = None
    if not is_exact(top, method):
        # Reverse chains start where the data are: modes that forward chains miss widen the bracket.
        known = _base_data(top, states, generator)
        picked = torch.randint(len(known), (chains,), generator=generator)
        model_states, _ = top.gibbs(known[picked], _STEPS, None, generator)
    log_z = log_partition(
        top,
        method=method,
        data=known,
        samples=model_states,
        chains=chains,
        betas=betas,
        generator=generator,
        progress=progress,
    )
    mean = means.mean().item()
    return replace(
        log_z,
        value=mean - log_z.value,
        error=math.hypot(error, log_z.error),
        lower=mean - log_z.upper,
        upper=mean - log_z.lower,
    )


def _pass_up(dbn: DBN, states: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Return states of the top RBM's visible units, and log p(below | above) − log q of the way."""
    log_ratio = states.new_zeros(len(states))
    for layer in dbn.layers[:-1]:
        above = layer.sample_hidden(states, generator)
        log_ratio = log_ratio + log_generation(layer, states, above)
        log_ratio = log_ratio - log_recognition(layer, states, above)
        states = above
    return states, log_ratio


def _top_free_energy(top: RBM, states: Tensor) -> Tensor:
    if isinstance(top, ClassificationRBM):
        return top.data_free_energy(states)
    return top.free_energy(states)


def _base_data(top: RBM, states: Tensor, generator: torch.Generator | None) -> Tensor:
    """States of the top RBM's whole visible layer, for the base model of AIS."""
    if not isinstance(top, ClassificationRBM):
        return states
    labels = torch.multinomial(top(states).exp(), 1, generator=generator).squeeze(1)
    return top.joint(states, labels)
