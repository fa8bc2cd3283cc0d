"""Likelihoods: exact where the states can be counted, with error bars where they cannot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from torch_rbm import ops
from torch_rbm.rbm import RBM
from torch_rbm.validation import as_rows, check_binary_states, check_count, check_finite, check_rbm

# Layers of at most this many units are enumerated by method="auto": seconds, not minutes.
_AUTO_EXACT_UNITS = 20
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

    def __str__(self) -> str:
        """Return value, error and bracket in one line."""
        if self.method == "exact":
            return f"{self.value:.4f} nats (exact)"
        warning = "" if self.reliable else ", too few to trust the error"
        return (
            f"{self.value:.4f} ± {self.error:.4f} nats, between {self.lower:.4f} and "
            f"{self.upper:.4f} ({self.method}, ESS {self.ess:.0f}{warning})"
        )


def ais_schedule(count: int) -> Tensor:
    """Inverse temperatures from 0 to 1, spaced as by Salakhutdinov and Murray (2008).

    Of 14 500 there are 500 in [0, 0.5], 4000 in [0.5, 0.9] and 10 000 in [0.9, 1]; other counts are
    divided in the same proportions.

    Args:
        count: number of inverse temperatures, 2 or more.

    Returns:
        float64, [count], rising.
    """
    count = check_count("ais_schedule", "count", count, 2)
    share = torch.tensor([0.0, 500.0, 4500.0, 14500.0], dtype=torch.float64) / 14500
    knots = [0.0, 0.5, 0.9, 1.0]
    position = torch.linspace(0, 1, count, dtype=torch.float64)
    piece = torch.searchsorted(share, position).clamp(1, 3)
    values = torch.tensor(knots, dtype=torch.float64)
    low, high = values[piece - 1], values[piece]
    start, end = share[piece - 1], share[piece]
    return low + (high - low) * (position - start) / (end - start)


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
        method: ``"exact"`` enumerates the smaller layer, of up to 25 units, which may take minutes;
            ``"ais"``; or ``"auto"``, which enumerates up to 20 units, in seconds.
        data: binary states whose frequencies make the base model, [cases, visible]; without them
            the base has the visible biases of the model, which is worse by far.
        chains: chains of each direction, 2 or more.
        betas: the number of inverse temperatures of :func:`ais_schedule`, or the values themselves,
            float64, from 0 to 1.
        samples: samples of the model to start the reverse chains from, [..., visible]. Without
            them, they come from the forward chains, drawn by their weights and moved by 1000 Gibbs
            steps.
        generator: source of random numbers; the default generator when None.
        progress: show a progress bar.

    Raises:
        ValueError: an argument is not as described, or the model is too large for ``"exact"``.
    """
    where = "log_partition"
    check_rbm(where, rbm)
    if method not in _METHODS:
        raise ValueError(f"{where}: expected method to be one of {_METHODS}, got {method!r}")
    for name, parameter in rbm.named_parameters():
        check_finite(where, name, parameter)
    hidden, visible = rbm.weight.shape
    if data is not None:
        data = check_binary_states(where, "data", data, visible)
    if samples is not None:
        samples = check_binary_states(where, "samples", samples, visible)
        check_count(where, "rows of samples", len(samples), 2)
    chains = check_count(where, "chains", chains, 2)
    with torch.no_grad():
        smaller = min(hidden, visible)
        if method == "exact" or (method == "auto" and smaller <= _AUTO_EXACT_UNITS):
            value = rbm.log_partition().item()
            return Estimate(value, 0.0, "exact", math.inf, value, value)
        schedule = _schedule(where, betas).to(rbm.weight.device)
        base = rbm.visible_bias if data is None else _base_rates(data, rbm.weight)
        path = _Path(rbm, base, schedule, generator, progress)
        start = rbm.weight.new_zeros(chains, len(base)) + torch.sigmoid(base.float()).to(base.dtype)
        forward, states = path.walk(torch.bernoulli(start, generator=generator), "forward")
        if samples is None:
            picked = torch.multinomial(
                forward.softmax(0), chains, replacement=True, generator=generator
            )
            samples, _ = rbm.gibbs(states[picked], 1000, None, generator)
        reverse, _ = path.walk(samples.to(rbm.weight), "reverse")
        return path.combine(forward, reverse)


def log_likelihood(
    rbm: RBM,
    visible: Tensor,
    *,
    method: str = "auto",
    chains: int = 100,
    betas: int | Tensor = 14_500,
    samples: Tensor | None = None,
    data: Tensor | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> Estimate:
    """Estimate the mean log-likelihood of binary states, ⟨−F(v)⟩ − log Z, in nats per case.

    The error is that of log Z alone: ``visible`` is taken as it is. As log Z errs low by forward
    AIS, the likelihood errs high: look at the bracket before believing a comparison.

    Args:
        rbm: the model, with finite parameters.
        visible: states 0 and 1, [cases, visible]; for grey values the free energy gives no
            likelihood, so binarise them first.
        method: see :func:`log_partition`.
        chains: see :func:`log_partition`.
        betas: see :func:`log_partition`.
        samples: see :func:`log_partition`.
        data: states for the base model of AIS; ``visible`` when None.
        generator: source of random numbers; the default generator when None.
        progress: show a progress bar.

    Raises:
        ValueError: an argument is not as described, or the model is too large for ``"exact"``.
    """
    where = "log_likelihood"
    check_rbm(where, rbm)
    visible = check_binary_states(where, "visible", visible, rbm.weight.shape[1])
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


def kl_divergence(rbm: RBM, data: Tensor) -> float:
    """KL(data ‖ model) in nats, exact: the negative log-likelihood minus the data's entropy.

    Zero for a model that is the empirical distribution of ``data``.

    Args:
        rbm: a model whose smaller layer has at most 25 units.
        data: states 0 and 1, [cases, visible].

    Raises:
        ValueError: ``data`` are not binary, or the model cannot be enumerated.
    """
    check_rbm("kl_divergence", rbm)
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
    parts = torch.split(rows, _ROWS)
    return math.fsum(float(rbm.free_energy(part).double().sum()) for part in parts) / len(rows)


class _Path:
    """The annealing path between a base model and an RBM, walked in either direction."""

    def __init__(
        self,
        rbm: RBM,
        base: Tensor,
        betas: Tensor,
        generator: torch.Generator | None,
        progress: bool,
    ) -> None:
        self._rbm = rbm
        self._base = base.detach()
        self._betas = betas
        self._generator = generator
        self._progress = progress

    def walk(self, chain: Tensor, direction: str) -> tuple[Tensor, Tensor]:
        """Return the log weights, float64, [chains], and the states that they belong to."""
        betas = self._betas if direction == "forward" else self._betas.flip(0)
        log_weight = torch.zeros(len(chain), dtype=torch.float64, device=chain.device)
        # Pieces of the path, so that progress is seen and the keyboard heard; each starts where the
        # one before it ended.
        piece = max(len(betas) // 50, 1)
        with tqdm(total=len(betas) - 1, desc=f"AIS {direction}", disable=not self._progress) as bar:
            for first in range(0, len(betas) - 1, piece):
                part = betas[first : first + piece + 1]
                increment, chain = ops.annealed_importance_sampling(
                    chain,
                    self._rbm.weight,
                    self._rbm.visible_bias,
                    self._rbm.hidden_bias,
                    self._base,
                    part,
                    generator=self._generator,
                )
                log_weight += increment
                bar.update(len(part) - 1)
        return log_weight, chain

    def combine(self, forward: Tensor, reverse: Tensor) -> Estimate:
        """Return log Z from the log weights of both directions."""
        base_log_z = torch.nn.functional.softplus(self._base.double()).sum().item()
        base_log_z += len(self._rbm.hidden_bias) * math.log(2)
        low = base_log_z + _log_mean(forward)
        high = base_log_z - _log_mean(reverse)
        ratio, error = bennett(forward, reverse)
        ess = min(effective_sample_size(forward), effective_sample_size(reverse))
        return Estimate(base_log_z + ratio, error, "ais", ess, min(low, high), max(low, high))


def effective_sample_size(log_weight: Tensor) -> float:
    """(Σ w)² / Σ w² of weights given as logarithms."""
    return (2 * log_weight.logsumexp(0) - (2 * log_weight).logsumexp(0)).exp().item()


def bennett(forward: Tensor, reverse: Tensor) -> tuple[float, float]:
    """Log ratio of partition functions by Bennett's (1976) acceptance ratio.

    Args:
        forward: log weights on the way from 0 to 1, float64, [n₀], whose mean exponential estimates
            Z₁ / Z₀.
        reverse: log weights on the way back, float64, [n₁].

    Returns:
        log Z₁ − log Z₀, and its standard error by the delta method.
    """
    shift = math.log(len(forward) / len(reverse))

    def terms(ratio: float) -> tuple[Tensor, Tensor]:
        return torch.sigmoid(forward - ratio - shift), torch.sigmoid(reverse + ratio + shift)

    margin = 2 * abs(shift) + 1  # beyond it one side's terms outweigh the other's
    low = min(forward.min().item(), -reverse.max().item()) - margin
    high = max(forward.max().item(), -reverse.min().item()) + margin
    for _ in range(100):  # bisection down to the last bit: the difference falls with the ratio
        ratio = (low + high) / 2
        there, back = terms(ratio)
        low, high = (ratio, high) if there.sum() > back.sum() else (low, ratio)
    variance = 0.0
    for term in terms(ratio):
        variance += ((term.square().mean() / term.mean().square() - 1) / len(term)).item()
    return ratio, math.sqrt(max(variance, 0.0))


def _log_mean(log_weight: Tensor) -> float:
    return log_weight.logsumexp(0).item() - math.log(len(log_weight))


def _base_rates(data: Tensor, weight: Tensor) -> Tensor:
    """Biases of the weightless model that fits ``data``, smoothed by one case of each state."""
    rate = (data.double().sum(0) + 1) / (len(data) + 2)
    return torch.logit(rate).to(weight)


def _schedule(where: str, betas: int | Tensor) -> Tensor:
    if not isinstance(betas, Tensor):
        return ais_schedule(check_count(where, "betas", betas, 2))
    betas = betas.double()
    if betas.dim() != 1 or len(betas) < 2 or betas[0] != 0 or betas[-1] != 1:
        raise ValueError(f"{where}: expected betas from 0 to 1, got shape {list(betas.shape)}")
    return betas
