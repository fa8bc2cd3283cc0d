"""The judge: everything about a small RBM by enumeration, written without torch_rbm."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def all_states(size: int) -> Tensor:
    """Every binary state of `size` units, [2^size, size], float64."""
    numbers = torch.arange(2**size).unsqueeze(1)
    return ((numbers >> torch.arange(size)) & 1).double()


@dataclass
class Model:
    weight: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor

    @staticmethod
    def random(visible: int, hidden: int, seed: int = 0, scale: float = 1.0) -> Model:
        g = torch.Generator().manual_seed(seed)
        shapes = [(hidden, visible), (visible,), (hidden,)]
        return Model(*(scale * torch.randn(s, generator=g, dtype=torch.float64) for s in shapes))

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.weight, self.visible_bias, self.hidden_bias

    def to(self, dtype: torch.dtype) -> Model:
        return Model(*(p.to(dtype) for p in self.parameters))

    def energies(self) -> Tensor:
        """E(v, h) for every pair of states, [2^visible, 2^hidden]."""
        v = all_states(len(self.visible_bias))
        h = all_states(len(self.hidden_bias))
        return -(v @ self.visible_bias)[:, None] - h @ self.hidden_bias - v @ self.weight.T @ h.T

    def log_z(self) -> Tensor:
        return torch.logsumexp(-self.energies().flatten(), 0)

    def probabilities(self) -> Tensor:
        """p(v) for every visible state."""
        return (-self.energies() - self.log_z()).exp().sum(1)

    def sample(self, count: int) -> Tensor:
        """Visible states drawn from the enumerated p(v), [count, visible]."""
        numbers = torch.multinomial(self.probabilities(), count, replacement=True)
        return all_states(len(self.visible_bias))[numbers]

    def hidden_given_visible(self) -> Tensor:
        """p(h | v), [2^visible, 2^hidden]."""
        return torch.softmax(-self.energies(), 1)

    def visible_given_hidden(self) -> Tensor:
        """p(v | h), [2^hidden, 2^visible]."""
        return torch.softmax(-self.energies(), 0).T

    def step_matrix(self) -> Tensor:
        """The transition probabilities of one Gibbs step, [from, to]."""
        return self.hidden_given_visible() @ self.visible_given_hidden()

    def statistics(self, visible_weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """⟨h vᵀ⟩, ⟨v⟩ and ⟨h⟩ under p(h | v) and these weights of the visible states."""
        v = all_states(len(self.visible_bias))
        h_mean = self.hidden_given_visible() @ all_states(len(self.hidden_bias))
        weighted = visible_weights[:, None] * v
        return h_mean.T @ weighted, weighted.sum(0), visible_weights @ h_mean

    def gradient(self, data: Tensor, negative_weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient of the mean NLL whose negative phase has these weights of states."""
        counts = state_counts(data, len(self.visible_bias))
        positive = self.statistics(counts / counts.sum())
        negative = self.statistics(negative_weights)
        return tuple(n - p for p, n in zip(positive, negative, strict=True))


def state_numbers(states: Tensor) -> Tensor:
    """The row of `all_states` that each binary state is."""
    return (states.long() << torch.arange(states.shape[-1])).sum(-1)


def state_counts(states: Tensor, size: int) -> Tensor:
    return torch.bincount(state_numbers(states), minlength=2**size).double()


def total_variation(counts: Tensor, probabilities: Tensor) -> float:
    return 0.5 * (counts / counts.sum() - probabilities).abs().sum().item()


def total_variation_limit(probabilities: Tensor, samples: int) -> float:
    """What the total variation of that many exact samples exceeds with probability below 4e-6.

    Its expectation is at most Σ √(p (1 − p) / n) / 2, and by McDiarmid's inequality it exceeds its
    expectation by t with probability at most exp(−2 n t²).
    """
    expectation = 0.5 * (probabilities * (1 - probabilities) / samples).sqrt().sum().item()
    return expectation + 2.5 / samples**0.5
