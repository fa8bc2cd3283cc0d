"""The operators of ``torch.ops.torch_rbm`` with types and documentation.

Shapes: ``weight`` is [hidden, visible], ``visible_bias`` [visible], ``hidden_bias`` [hidden].
    States are [..., visible] or [..., hidden]: any leading dimensions are rows of a batch. States
    may be of the dtype of ``weight`` (float32, float64, bfloat16 or float16), ``bool`` or
    ``uint8``; sampled states come back in the dtype of the states that were given. Every operator
    raises ``ValueError`` or ``TypeError``, naming itself, what was expected and what came, before
    any work is done.

Random numbers: a sampler draws one key from ``generator``, or from the device's default one, and
everything else follows from that key and the inputs. With ``key``, an int64 tensor [seed, offset],
it is a pure function of its arguments; an offset of n continues the stream after n steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = [
    "annealed_importance_sampling",
    "contrastive_divergence",
    "energy",
    "free_energy",
    "gibbs",
    "hidden_mean",
    "log_partition",
    "sample_hidden",
    "sample_visible",
    "uniform",
    "visible_mean",
]


def energy(
    visible: Tensor, hidden: Tensor, weight: Tensor, visible_bias: Tensor, hidden_bias: Tensor
) -> Tensor:
    """Joint energy E(v, h) = −bᵀv − cᵀh − hᵀWv, one value per row, shape [...].

    Source: Smolensky (1986); Hinton (2002). Differentiable in every argument.
    """
    return torch.ops.torch_rbm.energy(visible, hidden, weight, visible_bias, hidden_bias)


def free_energy(
    visible: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
) -> Tensor:
    """Free energy F(v) = −log Σ_h exp(−E(v, h)), in nats, one value per row, shape [...].

    p(v) = exp(−F(v)) / Z. The result is float64 for a float64 ``weight``, float32 otherwise.
    Differentiable in every argument. Source: Freund and Haussler (1992).
    """
    return torch.ops.torch_rbm.free_energy(
        visible,
        weight,
        visible_bias,
        hidden_bias,
        visible_units=visible_units,
        hidden_units=hidden_units,
    )


def log_partition(
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
) -> Tensor:
    """Exact log Z in nats, a float64 scalar, by enumeration of the states of the smaller layer.

    Differentiable: the gradient of log Z holds the moments of the model. Raises ``ValueError`` when
    both layers have more than 25 binary units.
    """
    return torch.ops.torch_rbm.log_partition(
        weight, visible_bias, hidden_bias, visible_units=visible_units, hidden_units=hidden_units
    )


def hidden_mean(
    visible: Tensor, weight: Tensor, hidden_bias: Tensor, *, hidden_units: str = "bernoulli"
) -> Tensor:
    """E[h | v], for Bernoulli units σ(c + Wv): [..., visible] to [..., hidden].

    Differentiable in every argument. The result has the dtype of ``weight``.
    """
    return torch.ops.torch_rbm.hidden_mean(visible, weight, hidden_bias, hidden_units=hidden_units)


def visible_mean(
    hidden: Tensor, weight: Tensor, visible_bias: Tensor, *, visible_units: str = "bernoulli"
) -> Tensor:
    """E[v | h], for Bernoulli units σ(b + Wᵀh): [..., hidden] to [..., visible].

    Differentiable in every argument. The result has the dtype of ``weight``.
    """
    return torch.ops.torch_rbm.visible_mean(
        hidden, weight, visible_bias, visible_units=visible_units
    )


def sample_hidden(
    visible: Tensor,
    weight: Tensor,
    hidden_bias: Tensor,
    *,
    hidden_units: str = "bernoulli",
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> Tensor:
    """Sample h given v: [..., visible] to [..., hidden], in the dtype of ``visible``."""
    return torch.ops.torch_rbm.sample_hidden(
        visible,
        weight,
        hidden_bias,
        hidden_units=hidden_units,
        **_random("sample_hidden", generator, key),
    )


def sample_visible(
    hidden: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> Tensor:
    """Sample v given h: [..., hidden] to [..., visible], in the dtype of ``hidden``."""
    return torch.ops.torch_rbm.sample_visible(
        hidden,
        weight,
        visible_bias,
        visible_units=visible_units,
        **_random("sample_visible", generator, key),
    )


def gibbs(
    visible: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    steps: int = 1,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    clamp: Tensor | None = None,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Block Gibbs sampling: ``steps`` times v → h → v (Geman and Geman 1984).

    Args:
        visible: the states to start from, [..., visible].
        weight: [hidden, visible].
        visible_bias: [visible].
        hidden_bias: [hidden].
        steps: how many steps, 0 or more.
        visible_units: unit type of the visible layer.
        hidden_units: unit type of the hidden layer.
        clamp: bool, broadcastable to ``visible``; where true, the state keeps its given value.
        generator: where the key is drawn from; the default generator when None.
        key: int64 [seed, offset], instead of a generator.

    Returns:
        The last visible states, [..., visible], and the hidden states that they were drawn from,
        [..., hidden]. With ``steps=0``: the visible states as given, and a sample of h given them.
    """
    return torch.ops.torch_rbm.gibbs(
        visible,
        weight,
        visible_bias,
        hidden_bias,
        steps,
        visible_units=visible_units,
        hidden_units=hidden_units,
        clamp=clamp,
        **_random("gibbs", generator, key),
    )


def contrastive_divergence(
    data: Tensor,
    chain: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    steps: int = 1,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    sampled_hidden: bool = False,
    mean_visible: bool = False,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Estimate the gradient of the mean negative log-likelihood by contrastive divergence.

    The positive phase ⟨∂F/∂θ⟩ on ``data`` minus the negative phase on ``chain`` after ``steps``
    Gibbs steps, each divided by its own number of rows. ``chain=data`` is CD-k (Hinton 2002), a
    chain handed back in is PCD-k (Tieleman 2008), and ``steps=0`` uses ``chain`` as a given set of
    negative particles. A phase without rows contributes nothing. Nothing is recorded for autograd.

    Args:
        data: [..., visible], states or, for Bernoulli units, probabilities.
        chain: the states that the chains start from, [..., visible]; its rows need not be as many.
        weight: [hidden, visible].
        visible_bias: [visible].
        hidden_bias: [hidden].
        steps: Gibbs steps of the chains, 0 or more.
        visible_units: unit type of the visible layer.
        hidden_units: unit type of the hidden layer.
        sampled_hidden: use sampled hidden states in both phases instead of their means: the same
            expectation with more variance.
        mean_visible: use the means of the visible units instead of samples in every step, as in
            Hinton's (2006) code; the chain is then no Gibbs sampler any more.
        generator: where the key is drawn from; the default generator when None.
        key: int64 [seed, offset], instead of a generator.

    Returns:
        The gradients for ``weight``, ``visible_bias`` and ``hidden_bias``, ready for an optimiser
        that descends, and the chain after its steps, in the shape and dtype of ``chain``.
    """
    return torch.ops.torch_rbm.contrastive_divergence(
        data,
        chain,
        weight,
        visible_bias,
        hidden_bias,
        steps,
        visible_units=visible_units,
        hidden_units=hidden_units,
        sampled_hidden=sampled_hidden,
        mean_visible=mean_visible,
        **_random("contrastive_divergence", generator, key),
    )


def annealed_importance_sampling(
    chain: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    base_visible_bias: Tensor,
    betas: Tensor,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Weigh chains along a path between a base model and the model (Neal 2001).

    The path is that of Salakhutdinov and Murray (2008): at β = 0 lies the base model, without
    weights and with ``base_visible_bias``, whose log Z is Σ softplus(b₀) + hidden · log 2; at β = 1
    lies the model. Every Gibbs step of the way leaves its own distribution invariant, so the path
    can be walked in either direction.

    Args:
        chain: samples of the distribution at ``betas[0]``, [..., visible].
        weight: [hidden, visible].
        visible_bias: [visible].
        hidden_bias: [hidden].
        base_visible_bias: b₀, [visible].
        betas: float64, [2 or more], such as 0 to 1, or 1 to 0 for the reverse direction.
        visible_units: unit type of the visible layer.
        hidden_units: unit type of the hidden layer.
        generator: where the key is drawn from; the default generator when None.
        key: int64 [seed, offset], instead of a generator.

    Returns:
        The log weights, float64, [...]: the mean of their exponentials estimates Z(betas[-1]) /
        Z(betas[0]) without bias; and the states that they belong to, weighted samples of the
        distribution at ``betas[-1]``, [..., visible].
    """
    return torch.ops.torch_rbm.annealed_importance_sampling(
        chain,
        weight,
        visible_bias,
        hidden_bias,
        base_visible_bias,
        betas,
        visible_units=visible_units,
        hidden_units=hidden_units,
        **_random("annealed_importance_sampling", generator, key),
    )


def uniform(key: Tensor, rows: int, units: int, *, step: int = 0, layer: int = 0) -> Tensor:
    """Return the random stream of the samplers: float32 in [0, 1), [rows, units].

    A pure function of ``key``, ``step``, ``layer`` (0 visible, 1 hidden), row and unit, made by the
    counter-based generator Philox4x32-10 (Salmon et al. 2011); the same on every device.
    """
    return torch.ops.torch_rbm.uniform(key, rows, units, step=step, layer=layer)


def _random(op: str, generator: torch.Generator | None, key: Tensor | None) -> dict[str, Any]:
    """Return the argument that chooses between the two overloads of a sampler."""
    if key is None:
        return {"generator": generator}
    if generator is not None:
        raise ValueError(f"torch_rbm::{op}: expected a generator or a key, got both")
    return {"key": key}
