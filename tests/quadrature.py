"""The judge of all unit types: a small RBM on grids of states, written without torch_rbm.

Discrete units have all their states; continuous ones Gauss-Legendre nodes, on which the integrals
here are exact to ten digits. Everything is a sum over pairs of nodes then.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

TYPES = ("bernoulli", "spin", "categorical(3)", "gaussian", "relu")
MIXED = "gaussian:1, categorical(2):2, spin:1"
PAIRINGS = [*itertools.product(TYPES, TYPES), (MIXED, "bernoulli"), ("bernoulli", MIXED)]
CONTINUOUS = ("gaussian", "relu")
# Nodes of a continuous unit: the integrands are Gaussian-like of width about 1.
_NODES = 44
_REACH = 9.0


def is_continuous(units: str) -> bool:
    return any(name in units for name in CONTINUOUS)


def size_of(units: str) -> int:
    """Elements of the layers in these tests."""
    return {"categorical(3)": 6, MIXED: 4}.get(units, 2 if is_continuous(units) else 3)


def _groups(units: str) -> list[tuple[str, int]]:
    if ":" not in units:
        return [(units, size_of(units))]
    return [(name.strip(), int(size)) for name, size in (g.split(":") for g in units.split(","))]


def unit_nodes(name: str) -> tuple[np.ndarray, np.ndarray]:
    """States of one unit, [nodes, elements], and their logarithmic weights."""
    if name == "bernoulli":
        return np.array([[0.0], [1.0]]), np.zeros(2)
    if name == "spin":
        return np.array([[-1.0], [1.0]]), np.zeros(2)
    if name.startswith("categorical"):
        count = int(name[len("categorical(") : -1])
        return np.eye(count), np.zeros(count)
    x, w = np.polynomial.legendre.leggauss(_NODES)
    low = 0.0 if name == "relu" else -_REACH
    x = low + (x + 1) / 2 * (_REACH - low)
    return x[:, None], np.log(w * (_REACH - low) / 2)


def nodes(units: str) -> tuple[Tensor, Tensor]:
    """States of a layer, [nodes, elements], and their logarithmic weights, float64."""
    singles = []
    for name, size in _groups(units):
        states, weights = unit_nodes(name)
        singles += [(states, weights)] * (size // states.shape[1])
    states, weights = [], []
    for combination in itertools.product(*(range(len(w)) for _, w in singles)):
        pairs = list(zip(singles, combination, strict=True))
        states.append(np.concatenate([s[i] for (s, _), i in pairs]))
        weights.append(sum(w[i] for (_, w), i in pairs))
    return torch.from_numpy(np.array(states)), torch.from_numpy(np.array(weights))


def continuous_elements(units: str) -> Tensor:
    return torch.tensor([name in CONTINUOUS for name, size in _groups(units) for _ in range(size)])


@dataclass
class Model:
    visible_units: str
    hidden_units: str
    weight: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor
    visible_precision: Tensor
    hidden_precision: Tensor
    v: Tensor = field(init=False)
    h: Tensor = field(init=False)
    v_weights: Tensor = field(init=False)
    h_weights: Tensor = field(init=False)
    log_joint: Tensor = field(init=False)  # log of weight times exp(-E), [v nodes, h nodes]

    @staticmethod
    def random(visible_units: str, hidden_units: str, seed: int = 0) -> Model:
        g = torch.Generator().manual_seed(seed)
        n, m = size_of(visible_units), size_of(hidden_units)
        both = is_continuous(visible_units) and is_continuous(hidden_units)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=g, dtype=torch.float64)

        def precision(size: int) -> Tensor:
            return 1 + torch.rand(size, generator=g, dtype=torch.float64)

        scale = 0.3 if both else 0.7
        return Model(
            visible_units,
            hidden_units,
            scale * normal(m, n),
            0.7 * normal(n),
            0.7 * normal(m),
            precision(n),
            precision(m),
        )

    def __post_init__(self) -> None:
        self.v, v_weights = nodes(self.visible_units)
        self.h, h_weights = nodes(self.hidden_units)
        v_quadratic = self.visible_precision * continuous_elements(self.visible_units)
        h_quadratic = self.hidden_precision * continuous_elements(self.hidden_units)
        energy = (
            (self.v**2 @ v_quadratic / 2 - self.v @ self.visible_bias)[:, None]
            + (self.h**2 @ h_quadratic / 2 - self.h @ self.hidden_bias)
            - self.v @ self.weight.T @ self.h.T
        )
        self.log_joint = -energy + v_weights[:, None] + h_weights
        self.v_weights, self.h_weights = v_weights, h_weights

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.weight, self.visible_bias, self.hidden_bias

    @property
    def options(self) -> dict[str, object]:
        """The keyword arguments of every operator that takes the whole model."""
        return {
            "visible_units": self.visible_units,
            "hidden_units": self.hidden_units,
            "visible_precision": self.visible_precision,
            "hidden_precision": self.hidden_precision,
        }

    def layer_options(self, layer: str) -> dict[str, object]:
        """Those of the operators that compute one layer."""
        return {k: v for k, v in self.options.items() if k.startswith(layer)}

    def log_z(self) -> Tensor:
        return torch.logsumexp(self.log_joint.flatten(), 0)

    def free_energies(self) -> Tensor:
        """F at the visible nodes."""
        return self.v_weights - torch.logsumexp(self.log_joint, 1)

    def joint(self) -> Tensor:
        """Probabilities of the pairs of nodes."""
        return (self.log_joint - self.log_z()).exp()

    def hidden_given_visible(self) -> Tensor:
        return torch.softmax(self.log_joint, 1)

    def visible_given_hidden(self) -> Tensor:
        return torch.softmax(self.log_joint, 0).T

    def sample(self, count: int) -> Tensor:
        """Visible nodes with the probabilities of the model, [count, visible]."""
        numbers = torch.multinomial(self.joint().sum(1), count, replacement=True)
        return self.v[numbers]

    def statistics(self, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """⟨h vᵀ⟩, ⟨v⟩ and ⟨h⟩ under p(h | v) and these weights of the visible nodes."""
        mean = self.hidden_given_visible() @ self.h
        weighted = weights[:, None] * self.v
        return mean.T @ weighted, weighted.sum(0), weights @ mean

    def after(self, weights: Tensor, steps: int) -> Tensor:
        """The weights of the visible nodes after so many Gibbs steps."""
        for _ in range(steps):
            weights = (weights @ self.hidden_given_visible()) @ self.visible_given_hidden()
        return weights
