"""Likelihoods: exact where the states can be counted, with error bars where they cannot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torch_rbm.annealing import Path, ais_schedule, bennett, effective_weights, log_mean
from torch_rbm.initialization import fitting_bias
from torch_rbm.rbm import RBM
from torch_rbm.sparse import as_cases, split_rows
from torch_rbm.units import Units
from torch_rbm.validation import as_rows, check_count, check_finite, check_rbm

# Layers of at most 2 to the power of this many states are enumerated by method="auto": seconds, not
# minutes.
_AUTO_EXACT_BITS = 20
_RELIABLE_ESS = 30.0
_METHODS = ("auto", "exact", "ais")
# Free energies are computed for this many rows at a time.
_ROWS = 8192


@dataclass(frozen=True)
class Estimate:
    """A number in nats, and how far to trust it.

    Attributes:
        value: the estimate.
        error: its standard error; 0 where it is exact.
        method: ``"exact"`` or ``"ais"``.
        ess: effective number of independent importance weights, the smaller of the two directions';
            infinite where the value is exact. Below 30 the error says little.
        lower: lower end of the bracket made by the two directions of AIS, each of which errs to its
            own side on average; the ends have statistical errors too.
        upper: upper end of the bracket.
    """

    value: float
    error: float
    method: str
    ess: float
    lower: float
    upper: float

    @property
    def reliable(self) -> bool:
        """Whether the effective sample size is large enough for the error to mean anything."""
        return self.ess >= _RELIABLE_ESS

    def __float__(self) -> float:
        """Return the value."""
        return self.value

    def __format__(self, specification: str) -> str:
        """Format the value alone, where a format is given."""
        return format(self.value, specification) if specification else str(self)

    def __str__(self) -> str:
        """Return value, error and bracket in one line."""
        if self.method == "exact":
            return f"{self.value:.4f} nats (exact)"
        warning = "" if self.reliable else ", too few to trust the error"
        return (
            f"{self.value:.4f} ± {self.error:.4f} nats, between {self.lower:.4f} and "
            f"{self.upper:.4f} ({self.method}, ESS {self.ess:.0f}{warning})"
        )


def log_partition(
    rbm: RBM,
    *,
    method: str = "auto",
    data: Tensor | None = None,
    chains: int = 100,
    betas: int | Tensor = 14_500,
    samples: Tensor | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> Estimate:
    """Estimate log Z, exactly or by annealed importance sampling in both directions.

    Forward AIS (Neal 2001; Salakhutdinov and Murray 2008) goes from a base model without weights to
    the model and errs low on average; reverse AIS goes the other way, from samples of the model,
    and errs high. They are combined by Bennett's (1976) acceptance ratio, whose error comes from
    the delta method. The bracket holds only as far as ``samples`` are samples of the model: where
    Gibbs sampling misses a mode, so does the upper end.

    Args:
        rbm: the model, with finite parameters.
        method: ``"exact"`` enumerates the smaller layer of discrete units, of up to 2^25 states, or
            takes the closed form of two layers of gaussian units; ``"ais"``; or ``"auto"``, which
            is exact up to 2^20 states, in seconds.
        data: states whose means make the base model, [cases, visible]; without them the base has
            the visible biases of the model, which is worse by far.
        chains: chains of each direction, 2 or more.
        betas: the number of inverse temperatures of :func:`ais_schedule`, or the values themselves,
            float64, from 0 to 1.
        samples: samples of the model to start the reverse chains from, [..., visible]. Without
            them, they come from the forward chains, drawn by their weights and moved by 1000 Gibbs
            steps.
        generator: source of random numbers; the default generator when None.
        progress: show a progress bar.

    Raises:
        ValueError: an argument is not as described, the model is too large for ``"exact"``, or its
            density cannot be normalised.
    """
    where = "log_partition"
    check_rbm(where, rbm)
    if method not in _METHODS:
        raise ValueError(f"{where}: expected method to be one of {_METHODS}, got {method!r}")
    for name, parameter in rbm.named_parameters():
        check_finite(where, name, parameter)
    check_normalisable(where, rbm)
    units = rbm.visible_layer()
    data, samples = as_cases(data), as_cases(samples)
    if data is not None:
        units.check(where, "data", data, states=True)
    if samples is not None:
        units.check(where, "samples", samples, states=True)
        samples = as_rows(samples)
        check_count(where, "rows of samples", len(samples), 2)
    chains = check_count(where, "chains", chains, 2)
    with torch.no_grad():
        if is_exact(rbm, method):
            value = rbm.log_partition().item()
            return Estimate(value, 0.0, "exact", math.inf, value, value)
        schedule = _schedule(where, betas).to(rbm.weight.device)
        base = rbm.visible_bias if data is None else fitting_bias(rbm, data)
        path = Path(rbm, base, schedule, generator, progress)
        forward, states = path.walk(path.base_samples(chains), "forward")
        if samples is None:
            picked = torch.multinomial(
                forward.softmax(0), chains, replacement=True, generator=generator
            )
            samples, _ = rbm.gibbs(states[picked], 1000, None, generator)
        reverse, _ = path.walk(samples.to(rbm.weight), "reverse")
        return _combined(path, forward, reverse)


def log_likelihood(
    rbm: RBM,
    visible: Tensor | Any,
    *,
    method: str = "auto",
    chains: int = 100,
    betas: int | Tensor = 14_500,
    samples: Tensor | None = None,
    data: Tensor | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> Estimate:
    """Estimate the mean log-likelihood ⟨−F(v)⟩ − log Z, in nats per case.

    Of gaussian and relu units it is the logarithm of a density, which has the data's unit in it.

    The error is that of log Z alone: ``visible`` is taken as it is. As log Z errs low by forward
    AIS, the likelihood errs high: look at the bracket before believing a comparison.

    Args:
        rbm: the model, with finite parameters.
        visible: states, [cases, visible]: a tensor, a NumPy array, a data frame or a matrix of
            scipy.sparse. Of grey values the free energy of Bernoulli units gives no likelihood:
            binarise them first.
        method: see :func:`log_partition`.
        chains: see :func:`log_partition`.
        betas: see :func:`log_partition`.
        samples: see :func:`log_partition`.
        data: states for the base model of AIS; ``visible`` when None. Where these are of one kind
            alone, give the training data: modes of the model that are far from the base may be
            missed, and with them a part of log Z, without a sign in error or bracket.
        generator: source of random numbers; the default generator when None.
        progress: show a progress bar.

    Raises:
        ValueError: an argument is not as described, or the model is too large for ``"exact"``.
    """
    where = "log_likelihood"
    check_rbm(where, rbm)
    visible = as_cases(visible)
    rbm.visible_layer().check(where, "visible", visible, states=True)
    visible = as_rows(visible)
    if len(visible) == 0:
        raise ValueError(f"{where}: expected at least one case, got {list(visible.shape)}")
    log_z = log_partition(
        rbm,
        method=method,
        data=visible if data is None else data,
        chains=chains,
        betas=betas,
        samples=samples,
        generator=generator,
        progress=progress,
    )
    mean = -mean_free_energy(rbm, visible)
    return Estimate(
        mean - log_z.value,
        log_z.error,
        log_z.method,
        log_z.ess,
        mean - log_z.upper,
        mean - log_z.lower,
    )


def kl_divergence(rbm: RBM, data: Tensor | Any) -> float:
    """KL(data ‖ model) in nats, exact: the negative log-likelihood minus the data's entropy.

    Zero for a model that is the empirical distribution of ``data``.

    Args:
        rbm: a model with discrete visible units, of which a layer has at most 2^25 states.
        data: states, [cases, visible], as :func:`log_likelihood` takes them.

    Raises:
        ValueError: ``data`` are no states of such units, or the model cannot be enumerated.
    """
    check_rbm("kl_divergence", rbm)
    data = as_cases(data)
    if rbm.visible_layer().continuous:
        raise ValueError(
            "kl_divergence: expected discrete visible units, of which data have an entropy, got "
            f"{rbm.visible_units!r}"
        )
    likelihood = log_likelihood(rbm, data, method="exact")
    _, counts = torch.unique(as_rows(data), dim=0, return_counts=True)
    frequencies = counts.double() / counts.sum()
    return float((frequencies * frequencies.log()).sum()) - likelihood.value


@torch.no_grad()
def mean_free_energy(rbm: RBM, visible: Tensor) -> float:
    """Mean of F(v) over the rows of ``visible``, [..., visible], summed in float64."""
    rows = as_rows(visible)
    if rows.is_floating_point():
        rows = rows.to(rbm.weight.dtype)
    parts = split_rows(rows, _ROWS)
    return math.fsum(float(rbm.free_energy(part).double().sum()) for part in parts) / len(rows)


def is_exact(rbm: RBM, method: str) -> bool:
    """Whether a method of :func:`log_partition` finds log Z without sampling."""
    if method != "auto":
        return method == "exact"
    visible, hidden = rbm.visible_layer(), rbm.hidden_layer()
    if visible.only == hidden.only == "gaussian":
        return True
    return min(visible.log2_states, hidden.log2_states) <= _AUTO_EXACT_BITS


@torch.no_grad()
def check_normalisable(where: str, rbm: RBM) -> None:
    """Require that exp(−E) has a finite integral.

    Discrete units on either side are enough. Otherwise the quadratic form of the energy has to grow
    in every direction that states can take: the precision matrix of the continuous units of both
    layers must be positive definite, where weights between two relu units count as far as they are
    positive.

    Raises:
        ValueError: it is not.
    """
    visible, hidden = rbm.visible_layer(), rbm.hidden_layer()
    if not (visible.continuous and hidden.continuous):
        return
    weight = rbm.weight.double()
    gamma = rbm.visible_precision()
    gamma = torch.ones_like(weight[0]) if gamma is None else gamma.double()

    def elements(units: Units, kinds: tuple[str, ...]) -> Tensor:
        mask = torch.zeros(units.size, dtype=torch.bool, device=weight.device)
        for group in units.groups:
            mask[group.slice] = group.type in kinds
        return mask

    both_relu = elements(hidden, ("relu",))[:, None] & elements(visible, ("relu",))
    bound = torch.where(both_relu, weight.clamp(min=0), weight)
    kinds = ("gaussian", "relu")
    bound = bound[elements(hidden, kinds)][:, elements(visible, kinds)]
    scaled = bound * gamma[elements(visible, kinds)].rsqrt()
    largest = torch.linalg.matrix_norm(scaled, 2).item()
    if not largest < 1:
        raise ValueError(
            f"{where}: expected a density that can be normalised: between continuous units the "
            "largest singular value of W diag(visible_precision)^-1/2 must be below 1, got "
            f"{largest:.4g}"
        )


def _combined(path: Path, forward: Tensor, reverse: Tensor) -> Estimate:
    """Return log Z from the log weights of both directions."""
    base_log_z = path.base_log_z()
    low = base_log_z + log_mean(forward)
    high = base_log_z - log_mean(reverse)
    ratio, error = bennett(forward, reverse)
    ess = min(effective_weights(forward), effective_weights(reverse))
    return Estimate(base_log_z + ratio, error, "ais", ess, min(low, high), max(low, high))


def _schedule(where: str, betas: int | Tensor) -> Tensor:
    if not isinstance(betas, Tensor):
        return ais_schedule(check_count(where, "betas", betas, 2))
    betas = betas.double()
    if betas.dim() != 1 or len(betas) < 2 or betas[0] != 0 or betas[-1] != 1:
        raise ValueError(f"{where}: expected betas from 0 to 1, got shape {list(betas.shape)}")
    return betas
