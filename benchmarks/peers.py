"""The same computations by other means: bare matmuls, eager PyTorch, JAX, scikit-learn, rbms.

Each function returns a callable for one workload, or raises ``UnavailableError`` where a library is
not installed or has no such computation. Eager PyTorch and JAX are written as their users would:
the textbook algorithm in whole-array operations, JAX jitted as one function.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import timing
import torch
from cases import Case, Workload
from torch import Tensor
from torch.nn.functional import softplus

import torch_rbm

Run = Callable[[], object]
TEMPERATURES = 20


class UnavailableError(Exception):
    """Why a computation cannot be timed by this library."""


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UnavailableError(f"{name.split('.')[0]} is not installed") from error


def betas() -> Tensor:
    return torch.linspace(0, 1, TEMPERATURES + 1, dtype=torch.float64)


def ours_estimate(w: Workload, steps: int) -> Run:
    """CD-k by torch_rbm."""
    return lambda: torch_rbm.ops.contrastive_divergence(
        w.data, w.data, *w.parameters, steps, visible_units=w.visible_units
    )


def ours(name: str, w: Workload) -> Run:
    """torch_rbm's operators."""
    ops = torch_rbm.ops
    runs: dict[str, Run] = {
        "CD-1": ours_estimate(w, 1),
        "PCD-10": lambda: ops.contrastive_divergence(w.data, w.chain, *w.parameters, 10),
        "Gibbs sweep": lambda: ops.gibbs(w.data, *w.parameters, 1),
        "free energy": lambda: ops.free_energy(w.data, *w.parameters),
        "AIS": lambda: ops.annealed_importance_sampling(
            w.data, *w.parameters, w.visible_bias, betas()
        ),
    }
    return runs[name]


def _matmuls(w: Workload, to_hidden: int, to_visible: int, gradients: int) -> Run:
    """So many dense products of each shape, each by the faster of PyTorch's two ways."""
    h = torch.rand(len(w.data), len(w.weight)).to(w.data.dtype)
    onednn = torch.ops.mkldnn._linear_pointwise

    def product(left: Tensor, right: Tensor) -> Run:
        """left · right."""
        out = torch.empty(left.shape[0], right.shape[1], dtype=left.dtype)
        transposed = right.t().contiguous()
        ways: dict[str, Run] = {"mm": lambda: torch.mm(left, right, out=out)}
        if left.dtype != torch.float64:
            ways["onednn"] = lambda: onednn(left, transposed, None, "none", [], "")
        times = timing.in_turns(ways, budget=0.3)
        return ways[min(times, key=lambda way: times[way].seconds)]

    counts = {
        product(w.data, w.weight.t()): to_hidden,
        product(h, w.weight): to_visible,
        product(h.t().contiguous(), w.data): gradients,
    }

    def run() -> None:
        for multiply, count in counts.items():
            for _ in range(count):
                multiply()

    return run


def matmul_products(w: Workload, steps: int) -> Run:
    """The products of CD-k: data to hidden, k steps of two, and two gradients."""
    return _matmuls(w, steps + 1, steps, 2)


def matmuls(name: str, w: Workload) -> Run:
    """Only the dense products that a computation needs.

    CD-1 has five, PCD-10 23, a sweep two, the free energy one, AIS two for each temperature.
    """
    counts = {
        "CD-1": (2, 1, 2),
        "PCD-10": (11, 10, 2),
        "Gibbs sweep": (1, 1, 0),
        "free energy": (1, 0, 0),
        "AIS": (TEMPERATURES, TEMPERATURES, 0),
    }
    return _matmuls(w, *counts[name])


def _eager_mean(w: Workload, v: Tensor) -> Tensor:
    return torch.sigmoid(torch.addmm(w.hidden_bias, v, w.weight.t()))


def _eager_visible(w: Workload, h: Tensor) -> Tensor:
    return torch.bernoulli(torch.sigmoid(torch.addmm(w.visible_bias, h, w.weight)))


def eager_estimate(w: Workload, steps: int, persistent: bool = False) -> Run:
    """CD-k or PCD-k by eager PyTorch."""

    def run() -> object:
        positive = _eager_mean(w, w.data)
        h = torch.bernoulli(_eager_mean(w, w.chain) if persistent else positive)
        v = _eager_visible(w, h)
        for _ in range(steps - 1):
            v = _eager_visible(w, torch.bernoulli(_eager_mean(w, v)))
        negative = _eager_mean(w, v)
        return (
            negative.t() @ v / len(v) - positive.t() @ w.data / len(w.data),
            v.mean(0) - w.data.mean(0),
            negative.mean(0) - positive.mean(0),
            v,
        )

    return run


def eager(name: str, w: Workload) -> Run:
    """Eager PyTorch."""
    weight, b, c = w.parameters

    def ais() -> Tensor:
        v, log_weight = w.data, torch.zeros(len(w.data), dtype=w.data.dtype)
        for beta, following in pairwise(betas().tolist()):
            field = torch.addmm(c, v, weight.t())
            log_weight += (softplus(following * field) - softplus(beta * field)).sum(1)
            h = torch.bernoulli(torch.sigmoid(following * field))
            v = torch.bernoulli(torch.sigmoid(b + following * (h @ weight)))
        return log_weight

    def free_energy() -> Tensor:
        return -(w.data @ b) - softplus(torch.addmm(c, w.data, weight.t())).sum(1)

    runs: dict[str, Run] = {
        "CD-1": eager_estimate(w, 1),
        "PCD-10": eager_estimate(w, 10, persistent=True),
        "Gibbs sweep": lambda: _eager_visible(w, torch.bernoulli(_eager_mean(w, w.data))),
        "free energy": free_energy,
        "AIS": ais,
    }
    return runs[name]


def jax(name: str, w: Workload) -> Run:
    """JAX, the whole computation jitted as one function."""
    jax = _library("jax")
    if w.data.dtype != torch.float32:
        raise UnavailableError("timed in float32 only")
    jnp, nn, random = jax.numpy, jax.nn, jax.random
    data, chain, weight, b, c = (
        jnp.asarray(tensor.numpy()) for tensor in (w.data, w.chain, *w.parameters)
    )

    def sample(key: Any, field: Any) -> Any:
        uniform = random.uniform(key, field.shape)
        return (uniform < nn.sigmoid(field)).astype(jnp.float32)

    def step(key: Any, h: Any, weight: Any, b: Any) -> Any:
        return sample(key, h @ weight + b)

    def estimate(key: Any, data: Any, chain: Any, weight: Any, b: Any, c: Any, steps: int) -> Any:
        positive = nn.sigmoid(data @ weight.T + c)
        v = chain

        def sweep(v: Any, key: Any) -> Any:
            first, second = random.split(key)
            return step(second, sample(first, v @ weight.T + c), weight, b), None

        if steps == 1:
            first, second = random.split(key)
            h = (random.uniform(first, positive.shape) < positive).astype(jnp.float32)
            v = step(second, h, weight, b)
        else:
            v, _ = jax.lax.scan(sweep, v, random.split(key, steps))
        negative = nn.sigmoid(v @ weight.T + c)
        return (
            negative.T @ v / len(v) - positive.T @ data / len(data),
            v.mean(0) - data.mean(0),
            negative.mean(0) - positive.mean(0),
            v,
        )

    def ais(key: Any, v: Any, weight: Any, b: Any, c: Any) -> Any:
        path = jnp.linspace(0.0, 1.0, TEMPERATURES + 1)

        def move(state: Any, now: Any) -> Any:
            v, log_weight = state
            key, beta, following = now
            first, second = random.split(key)
            field = v @ weight.T + c
            log_weight += (nn.softplus(following * field) - nn.softplus(beta * field)).sum(1)
            h = sample(first, following * field)
            return (sample(second, b + following * (h @ weight)), log_weight), None

        keys = random.split(key, TEMPERATURES)
        start = (v, jnp.zeros(len(v)))
        return jax.lax.scan(move, start, (keys, path[:-1], path[1:]))[0][1]

    key = random.key(0)
    cd = jax.jit(estimate, static_argnums=6)
    gibbs = jax.jit(
        lambda key, v, weight, b, c: step(key, sample(key, v @ weight.T + c), weight, b)
    )
    energy = jax.jit(lambda v, weight, b, c: -(v @ b) - nn.softplus(v @ weight.T + c).sum(1))
    whole = jax.jit(ais)
    runs = {
        "CD-1": lambda: cd(key, data, data, weight, b, c, 1),
        "PCD-10": lambda: cd(key, data, chain, weight, b, c, 10),
        "Gibbs sweep": lambda: gibbs(key, data, weight, b, c),
        "free energy": lambda: energy(data, weight, b, c),
        "AIS": lambda: whole(key, data, weight, b, c),
    }
    return lambda: jax.block_until_ready(runs[name]())


def sklearn(name: str, w: Workload) -> Run:
    """scikit-learn's BernoulliRBM: an update is one PCD-1 gradient and its step."""
    model = _library("sklearn.neural_network").BernoulliRBM(len(w.weight), learning_rate=1e-12)
    import numpy as np

    if w.data.dtype not in (torch.float32, torch.float64):
        raise UnavailableError("has no bfloat16")
    data = w.data.numpy()
    model.partial_fit(data[:2])
    model.components_ = w.weight.numpy().copy()
    model.intercept_hidden_ = w.hidden_bias.numpy().copy()
    model.intercept_visible_ = w.visible_bias.numpy().copy()
    model.h_samples_ = np.zeros((len(data), len(w.weight)), data.dtype)
    generator = np.random.RandomState(0)
    runs: dict[str, Run] = {
        "CD-1": lambda: model._fit(data, generator),
        "Gibbs sweep": lambda: model.gibbs(data),
        "free energy": lambda: model._free_energy(data),
    }
    if name not in runs:
        raise UnavailableError("has no such computation")
    return runs[name]


def rbms(name: str, w: Workload) -> Run:
    """rbms: an update as its trainer makes it, a Gibbs step as its sampler does."""
    package = _library("rbms.bernoulli_bernoulli.classes")
    pcd = _library("rbms.training.pcd")
    model = package.BBRBM(w.weight.t().contiguous(), w.visible_bias, w.hidden_bias)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    weights = torch.ones(len(w.data), 1, dtype=w.data.dtype)
    chains = model.init_chains(len(w.data), start_v=w.chain)
    steps = {"CD-1": 1, "PCD-10": 10}
    if name in steps:
        return lambda: pcd.fit_batch_pcd((w.data, weights), chains, model, steps[name], 1.0)
    if name == "Gibbs sweep":
        return lambda: model.sample_state(n_steps=1, chains=chains)
    if name == "free energy":
        return lambda: model.compute_energy_visibles(w.data)
    raise UnavailableError("not timed: its interface differs")


#: The first one is what the others' times are divided by.
PEERS: dict[str, Callable[[str, Workload], Run]] = {
    "matmuls": matmuls,
    "torch_rbm": ours,
    "eager PyTorch": eager,
    "JAX, jitted": jax,
    "scikit-learn": sklearn,
    "rbms": rbms,
}
WORKLOADS = ("CD-1", "PCD-10", "Gibbs sweep", "free energy", "AIS")


def ways(name: str, case: Case, workload: Workload) -> tuple[dict[str, Run], dict[str, str]]:
    """The callables of all that can do it, and why the others cannot."""
    found: dict[str, Run] = {}
    missing: dict[str, str] = {}
    for peer, make in PEERS.items():
        try:
            if case.visible_units != "bernoulli" and (
                name != "CD-1" or peer not in ("matmuls", "torch_rbm")
            ):
                raise UnavailableError("timed with Bernoulli units only")
            if peer == "JAX, jitted" and case.threads == 1:
                raise UnavailableError("takes all cores")
            found[peer] = make(name, workload)
        except UnavailableError as reason:
            missing[peer] = str(reason)
    return found, missing
