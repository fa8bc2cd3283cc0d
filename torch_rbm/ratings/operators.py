"""The operators of ratings, ``torch.ops.torch_rbm.ratings_*``, with types and documentation.

The model (Salakhutdinov, Mnih and Hinton 2007): a case, such as a user, has rated some items; its
    rating of an item is one of so many levels. The visible units are one softmax unit for each
    rated item. Items that are not rated are no part of the model of the case, and all cases share
    the parameters: E(levels, h) = −Σ_i (b[i, level_i] + h·W[i, level_i]) + Σ_j (u(h_j) − c_j h_j).

Shapes: ``weight`` is [items, levels, hidden], ``visible_bias`` [items, levels], ``hidden_bias``
    [hidden], or [cases, hidden] where each case has its own. Ratings are int64 tensors in
    compressed sparse row layout: case i has the ratings number ``crow[i]`` to ``crow[i + 1]``, of
    ``items`` at ``levels``, both [ratings]; a case has an item at most once. What is computed of a
    case does not depend on which others are there. ``hidden_units`` are as in
    :mod:`torch_rbm.ops`, those with precisions at precision 1. Every operator raises ``ValueError``
    or ``TypeError``, naming itself, what was expected and what came.
"""

from __future__ import annotations

import torch
from torch import Tensor

from torch_rbm.ops import random_argument

__all__ = [
    "contrastive_divergence",
    "free_energy",
    "gibbs",
    "hidden_mean",
    "predict",
    "visible_mean",
]


def hidden_mean(
    crow: Tensor,
    items: Tensor,
    levels: Tensor,
    weight: Tensor,
    hidden_bias: Tensor,
    *,
    hidden_units: str = "bernoulli",
) -> Tensor:
    """E[h | ratings], [cases, hidden]. Differentiable in ``weight`` and ``hidden_bias``."""
    return torch.ops.torch_rbm.ratings_hidden_mean(
        crow, items, levels, weight, hidden_bias, hidden_units=hidden_units
    )


def visible_mean(
    crow: Tensor, items: Tensor, hidden: Tensor, weight: Tensor, visible_bias: Tensor
) -> Tensor:
    """p(level | h) of each item that a case has, [ratings, levels], given ``hidden`` states.

    Differentiable in ``hidden``, [cases, hidden], ``weight`` and ``visible_bias``.
    """
    return torch.ops.torch_rbm.ratings_visible_mean(crow, items, hidden, weight, visible_bias)


def free_energy(
    crow: Tensor,
    items: Tensor,
    levels: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    hidden_units: str = "bernoulli",
) -> Tensor:
    """F of the ratings of each case, −log Σ_h exp(−E), [cases]. Differentiable in the parameters.

    Free energies of cases that have rated different items are not to be compared: each belongs to
    a model with its own partition function.
    """
    return torch.ops.torch_rbm.ratings_free_energy(
        crow, items, levels, weight, visible_bias, hidden_bias, hidden_units=hidden_units
    )


def predict(
    crow: Tensor,
    items: Tensor,
    levels: Tensor,
    query_crow: Tensor,
    query_items: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    hidden_units: str = "bernoulli",
) -> Tensor:
    """The exact distribution of ratings that are asked for, given a case's ratings.

    p(level) ∝ exp(b[level] + Σ_j Γ(field_j + W[level, j])) (Salakhutdinov, Mnih and Hinton 2007,
    section 2.2). Differentiable in the parameters.

    Args:
        crow: int64 [cases + 1].
        items: int64 [ratings], the items that are rated.
        levels: int64 [ratings].
        query_crow: int64 [cases + 1], of the items that are asked for.
        query_items: int64 [queries]. One that the case has rated is taken to be rated once more.
        weight: [items, levels, hidden].
        visible_bias: [items, levels].
        hidden_bias: [hidden] or [cases, hidden].
        hidden_units: see the top of this module.

    Returns:
        Probabilities [queries, levels].
    """
    return torch.ops.torch_rbm.ratings_predict(
        crow,
        items,
        levels,
        query_crow,
        query_items,
        weight,
        visible_bias,
        hidden_bias,
        hidden_units=hidden_units,
    )


def gibbs(
    crow: Tensor,
    items: Tensor,
    levels: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    steps: int = 1,
    *,
    hidden_units: str = "bernoulli",
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Block Gibbs steps, ratings → hidden → ratings of the same items.

    Args:
        crow: int64 [cases + 1].
        items: int64 [ratings].
        levels: int64 [ratings], where the chains start.
        weight: [items, levels, hidden].
        visible_bias: [items, levels].
        hidden_bias: [hidden] or [cases, hidden].
        steps: Gibbs steps, 0 or more.
        hidden_units: see the top of this module.
        generator: where the key is drawn from; the default generator when None.
        key: int64 [seed, offset], instead of a generator.

    Returns:
        Levels [ratings] and the hidden states that they were drawn from, [cases, hidden]; those
        given ``levels`` where ``steps`` is 0.
    """
    return torch.ops.torch_rbm.ratings_gibbs(
        crow,
        items,
        levels,
        weight,
        visible_bias,
        hidden_bias,
        steps,
        hidden_units=hidden_units,
        **random_argument("ratings_gibbs", generator, key),
    )


def contrastive_divergence(
    crow: Tensor,
    items: Tensor,
    levels: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    steps: int = 1,
    *,
    hidden_units: str = "bernoulli",
    sampled_hidden: bool = False,
    mean_visible: bool = False,
    generator: torch.Generator | None = None,
    key: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Estimate the gradient of the mean over cases of −log p(ratings) by CD-k (Hinton 2002).

    Nothing is recorded for autograd.

    Args:
        crow: int64 [cases + 1].
        items: int64 [ratings].
        levels: int64 [ratings].
        weight: [items, levels, hidden].
        visible_bias: [items, levels].
        hidden_bias: [hidden] or [cases, hidden].
        steps: Gibbs steps of the chains, which start from the ratings; 0 or more.
        hidden_units: see the top of this module.
        sampled_hidden: use sampled hidden states in both phases instead of their means: the same
            expectation with more variance.
        mean_visible: use the probabilities of the levels instead of samples in every step; the
            chain is then no Gibbs sampler any more.
        generator: where the key is drawn from; the default generator when None.
        key: int64 [seed, offset], instead of a generator.

    Returns:
        The gradients for ``weight``, ``visible_bias`` and ``hidden_bias``, ready for an optimiser
        that descends, and the levels [ratings] of the chains after their steps, or with
        ``mean_visible`` their probabilities [ratings, levels].
    """
    return torch.ops.torch_rbm.ratings_contrastive_divergence(
        crow,
        items,
        levels,
        weight,
        visible_bias,
        hidden_bias,
        steps,
        hidden_units=hidden_units,
        sampled_hidden=sampled_hidden,
        mean_visible=mean_visible,
        **random_argument("ratings_contrastive_divergence", generator, key),
    )
