"""The operators of ``torch.ops.torch_rbm`` with types and documentation.

Shapes: ``weight`` is [hidden, visible], ``visible_bias`` [visible], ``hidden_bias`` [hidden].
    States are [..., visible] or [..., hidden]: any leading dimensions are rows of a batch. States
    may be of the dtype of ``weight`` (float32, float64, bfloat16 or float16), ``bool`` or
    ``uint8``; sampled states come back in the dtype of the states that were given. Every operator
    raises ``ValueError`` or ``TypeError``, naming itself, what was expected and what came, before
    any work is done.

Units: ``visible_units`` and ``hidden_units`` name what the units of a layer are.
    ``"bernoulli"``: states {0, 1}. ``"spin"``: {−1, +1}. ``"categorical"``: one unit, one-hot over
    the whole layer; ``"categorical(5)"``: units of five elements each. ``"gaussian"``: ℝ, and
    ``"relu"``: ℝ≥0 (a truncated normal), with u(s) = γs²/2 for a precision γ > 0, which
    ``visible_precision`` and ``hidden_precision`` give, [units], 1 when None. ``"gaussian:784,
    categorical:10"``: groups of different units, each with its number of elements.

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
    "centered_gradient",
    "contrastive_divergence",
    "contrastive_divergence_with_means",
    "cumulant",
    "energy",
    "free_energy",
    "gibbs",
    "hidden_mean",
    "log_partition",
    "moments",
    "parallel_tempering",
    "sample_hidden",
    "sample_visible",
    "uniform",
    "visible_mean",
]


def energy(
    visible: Tensor,
    hidden: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
) -> Tensor:
    """Joint energy E(v, h) = Σ u(v) − bᵀv + Σ u(h) − cᵀh − hᵀWv, one value per row, shape [...].

    u(s) = γs²/2 for gaussian and relu units of precision γ, 0 for others. Source: Smolensky (1986);
    Hinton (2002); Welling, Rosen-Zvi and Hinton (2005). Differentiable in every argument.
    """
    return torch.ops.torch_rbm.energy(
        visible,
        hidden,
        weight,
        visible_bias,
        hidden_bias,
        visible_units=visible_units,
        hidden_units=hidden_units,
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
    )


def cumulant(field: Tensor, *, units: str = "bernoulli", precision: Tensor | None = None) -> Tensor:
    """Σ Γ(x) over the last dimension of ``field``, the fields of independent units, [...].

    Γ(x) = log Σ_s exp(xs − u(s)), for Bernoulli units softplus(x): log Z of units without weights,
    and minus their part of the free energy. Differentiable in both arguments.
    """
    return torch.ops.torch_rbm.cumulant(field, units=units, precision=precision)


def free_energy(
    visible: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
) -> Tensor:
    """Free energy F(v) = −log Σ_h exp(−E(v, h)), in nats, one value per row, shape [...].

    An integral takes the place of the sum for gaussian and relu units. p(v) = exp(−F(v)) / Z. The
    result is float64 for a float64 ``weight``, float32 otherwise.
    Differentiable in every argument. Source: Freund and Haussler (1992).
    """
    return torch.ops.torch_rbm.free_energy(
        visible,
        weight,
        visible_bias,
        hidden_bias,
        visible_units=visible_units,
        hidden_units=hidden_units,
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
    )


def log_partition(
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
) -> Tensor:
    """Exact log Z in nats, a float64 scalar.

    By enumeration of the smaller layer of bernoulli, spin or categorical units, of at most 2^25
    states, the other layer being summed or integrated in closed form; or in closed form for two
    layers of gaussian units. Differentiable: the gradient of log Z holds the moments of the model.

    Raises:
        ValueError: there is no such layer, or two gaussian layers have weights so large that the
            density cannot be normalised.
    """
    return torch.ops.torch_rbm.log_partition(
        weight,
        visible_bias,
        hidden_bias,
        visible_units=visible_units,
        hidden_units=hidden_units,
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
    )


def moments(
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Exact expectations under the model: the negative phase without sampling.

    Where :func:`log_partition` is exact, and by the same sums. Differentiable.

    Returns:
        log Z in nats, a scalar; ⟨hᵀv⟩, [hidden, visible]; ⟨v⟩, [visible]; ⟨h⟩, [hidden]: all
        float64. The last three are the derivatives of log Z for weight and biases.

    Raises:
        ValueError: see :func:`log_partition`.
    """
    return torch.ops.torch_rbm.moments(
        weight,
        visible_bias,
        hidden_bias,
        visible_units=visible_units,
        hidden_units=hidden_units,
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
    )


def hidden_mean(
    visible: Tensor,
    weight: Tensor,
    hidden_bias: Tensor,
    *,
    hidden_units: str = "bernoulli",
    hidden_precision: Tensor | None = None,
) -> Tensor:
    """E[h | v], for Bernoulli units σ(c + Wv): [..., visible] to [..., hidden].

    Differentiable in every argument. The result has the dtype of ``weight``.
    """
    return torch.ops.torch_rbm.hidden_mean(
        visible,
        weight,
        hidden_bias,
        hidden_units=hidden_units,
        hidden_precision=hidden_precision,
    )


def visible_mean(
    hidden: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
) -> Tensor:
    """E[v | h], for Bernoulli units σ(b + Wᵀh): [..., hidden] to [..., visible].

    Differentiable in every argument. The result has the dtype of ``weight``.
    """
    return torch.ops.torch_rbm.visible_mean(
        hidden,
        weight,
        visible_bias,
        visible_units=visible_units,
        visible_precision=visible_precision,
    )


def sample_hidden(
    visible: Tensor,
    weight: Tensor,
    hidden_bias: Tensor,
    *,
    hidden_units: str = "bernoulli",
    hidden_precision: Tensor | None = None,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> Tensor:
    """Sample h given v: [..., visible] to [..., hidden].

    The result has the dtype of ``visible``; where that is bool or uint8 and samples are not just 0
    and 1, it has that of ``weight``.
    """
    return torch.ops.torch_rbm.sample_hidden(
        visible,
        weight,
        hidden_bias,
        hidden_units=hidden_units,
        hidden_precision=hidden_precision,
        **random_argument("sample_hidden", generator, key),
    )


def sample_visible(
    hidden: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    *,
    visible_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> Tensor:
    """Sample v given h: [..., hidden] to [..., visible].

    The result has the dtype of ``hidden``; where that is bool or uint8 and samples are not just 0
    and 1, it has that of ``weight``.
    """
    return torch.ops.torch_rbm.sample_visible(
        hidden,
        weight,
        visible_bias,
        visible_units=visible_units,
        visible_precision=visible_precision,
        **random_argument("sample_visible", generator, key),
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
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
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
        visible_units: units of the visible layer; see the top of this module.
        hidden_units: units of the hidden layer.
        visible_precision: γ of gaussian and relu units, [visible]; 1 when None.
        hidden_precision: likewise, [hidden].
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
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
        clamp=clamp,
        **random_argument("gibbs", generator, key),
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
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
    observed: Tensor | None = None,
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
        visible_units: units of the visible layer; see the top of this module.
        hidden_units: units of the hidden layer.
        visible_precision: γ of gaussian and relu units, [visible]; 1 when None.
        hidden_precision: likewise, [hidden].
        observed: bool, broadcastable to ``data`` and ``chain``: where false, the value is missing,
            and its unit is no part of the model of that row, which is not the same as a state of 0.
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
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
        observed=observed,
        sampled_hidden=sampled_hidden,
        mean_visible=mean_visible,
        **random_argument("contrastive_divergence", generator, key),
    )


def contrastive_divergence_with_means(
    data: Tensor,
    chain: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    steps: int = 1,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
    observed: Tensor | None = None,
    sampled_hidden: bool = False,
    mean_visible: bool = False,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Estimate the gradient as :func:`contrastive_divergence` does, and return means besides.

    They are what centring and sparsity want to know, and cost nothing here. The arguments are those
    of :func:`contrastive_divergence`, by whose name they are refused.

    Returns:
        The gradients for ``weight``, ``visible_bias`` and ``hidden_bias``; ⟨v⟩ and ⟨h⟩ of the
        positive phase, [visible] and [hidden], where a missing value counts as 0; and the chain.
    """
    return torch.ops.torch_rbm.contrastive_divergence_with_means(
        data,
        chain,
        weight,
        visible_bias,
        hidden_bias,
        steps,
        visible_units=visible_units,
        hidden_units=hidden_units,
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
        observed=observed,
        sampled_hidden=sampled_hidden,
        mean_visible=mean_visible,
        **random_argument("contrastive_divergence_with_means", generator, key),
    )


def centered_gradient(
    grad_weight: Tensor,
    grad_visible_bias: Tensor,
    grad_hidden_bias: Tensor,
    visible_offset: Tensor,
    hidden_offset: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Turn the gradient of an RBM's parameters into that of the centred RBM.

    With offsets μ and λ the energy is written as −(v − μ)ᵀb′ − (h − λ)ᵀc′ − (h − λ)ᵀW(v − μ)
    (Montavon and Müller 2012). A descent of W, b′ and c′ is returned as one of W, b = b′ − Wᵀλ and
    c = c′ − Wμ (Melchior, Fischer and Wiskott 2016); see :class:`torch_rbm.Centering`.

    Args:
        grad_weight: [hidden, visible].
        grad_visible_bias: [visible].
        grad_hidden_bias: [hidden].
        visible_offset: μ, [visible].
        hidden_offset: λ, [hidden].

    Returns:
        The centred gradients for ``weight``, ``visible_bias`` and ``hidden_bias``.

    Raises:
        ValueError, TypeError: shapes, dtypes or devices do not fit.
    """
    return torch.ops.torch_rbm.centered_gradient(
        grad_weight, grad_visible_bias, grad_hidden_bias, visible_offset, hidden_offset
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
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Weigh chains along a path between a base model and the model (Neal 2001).

    The path is that of Salakhutdinov and Murray (2008): at β = 0 lies the base model, without
    weights and hidden biases and with ``base_visible_bias``, whose log Z is Σ Γ(b₀) + Σ Γ(0), for
    Bernoulli units Σ softplus(b₀) + hidden · log 2; at β = 1 lies the model. Every Gibbs step of
    the way leaves its own distribution invariant, so the path can be walked in either direction.

    Args:
        chain: samples of the distribution at ``betas[0]``, [..., visible].
        weight: [hidden, visible].
        visible_bias: [visible].
        hidden_bias: [hidden].
        base_visible_bias: b₀, [visible].
        betas: float64, [2 or more], such as 0 to 1, or 1 to 0 for the reverse direction.
        visible_units: units of the visible layer; see the top of this module.
        hidden_units: units of the hidden layer.
        visible_precision: γ of gaussian and relu units, [visible]; 1 when None.
        hidden_precision: likewise, [hidden].
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
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
        **random_argument("annealed_importance_sampling", generator, key),
    )


def parallel_tempering(
    chain: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    base_visible_bias: Tensor,
    betas: Tensor,
    steps: int = 1,
    *,
    visible_units: str = "bernoulli",
    hidden_units: str = "bernoulli",
    visible_precision: Tensor | None = None,
    hidden_precision: Tensor | None = None,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Run Gibbs chains at several inverse temperatures that exchange their states (Geyer 1991).

    The models at β between 0 and 1 are those of :func:`annealed_importance_sampling`. Every step
    first proposes to exchange the states of neighbouring β in each chain, of all even or all odd
    pairs by the toss of a coin, and accepts by the ratio of their free energies; then it makes a
    Gibbs step v → h → v at every β (Desjardins, Courville, Bengio, Vincent and Delalleau 2010). The
    distribution of every β is left invariant. States at β = 1 are those of the model.

    Args:
        chain: states at each of the β, [temperatures, chains, visible].
        weight: [hidden, visible].
        visible_bias: [visible].
        hidden_bias: [hidden].
        base_visible_bias: b₀, [visible].
        betas: float64, [temperatures], rising from 0 to 1.
        steps: how many steps, 0 or more.
        visible_units: units of the visible layer; see the top of this module.
        hidden_units: units of the hidden layer.
        visible_precision: γ of gaussian and relu units, [visible]; 1 when None.
        hidden_precision: likewise, [hidden].
        generator: where the key is drawn from; the default generator when None.
        key: int64 [seed, offset], instead of a generator.

    Returns:
        The states, [temperatures, chains, visible]; for each pair of neighbours the probabilities
        with which exchanges were accepted, added up, float64 [temperatures - 1], and how many were
        proposed, int64 [temperatures - 1]; and at which β each state was at the start, int64
        [temperatures, chains].
    """
    return torch.ops.torch_rbm.parallel_tempering(
        chain,
        weight,
        visible_bias,
        hidden_bias,
        base_visible_bias,
        betas,
        steps,
        visible_units=visible_units,
        hidden_units=hidden_units,
        visible_precision=visible_precision,
        hidden_precision=hidden_precision,
        **random_argument("parallel_tempering", generator, key),
    )


def uniform(key: Tensor, rows: int, units: int, *, step: int = 0, layer: int = 0) -> Tensor:
    """Return the random stream of the samplers: float32 in [0, 1), [rows, units].

    A pure function of ``key``, ``step``, ``layer`` (0 visible, 1 hidden), row and unit, made by the
    counter-based generator Philox4x32-10 (Salmon et al. 2011); the same on every device.
    """
    return torch.ops.torch_rbm.uniform(key, rows, units, step=step, layer=layer)


def random_argument(
    op: str, generator: torch.Generator | None, key: Tensor | None
) -> dict[str, Any]:
    """Return the argument that chooses between the two overloads of a sampler."""
    if key is None:
        return {"generator": generator}
    if generator is not None:
        raise ValueError(f"torch_rbm::{op}: expected a generator or a key, got both")
    return {"key": key}
