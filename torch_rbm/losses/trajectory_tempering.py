"""Chains that exchange states with an earlier model of the same training."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from torch_rbm import ops
from torch_rbm.annealing import bennett
from torch_rbm.distributed import own_generator
from torch_rbm.losses.estimate import GradientEstimate, SampledLoss, independent_chains
from torch_rbm.losses.exchange import Proposals, decide, exchange_times
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_count

# Sweeps before the first look at the autocorrelation of exchanges, and how many times longer than
# it a freeze must have run.
_FIRST_SWEEPS = 20
_TIMES = 20
_MOST_REJECTIONS = 30
_GUARD_UPDATES = 100
# log p(v) of a discrete state cannot exceed 0; beyond this the estimate of log Z is wrong.
_GUARD_NATS = 10.0


class Parameters(NamedTuple):
    """Those of a model at one moment."""

    weight: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor


class TrajectoryTempering(SampledLoss):
    """Parallel trajectory tempering (Béreux, Decelle, Furtlehner, Rosset and Seoane 2024).

    The parameters along a training are an annealing path of their own: neighbouring models overlap
    even where a ladder of temperatures would cross a first-order transition. A frozen copy of an
    earlier model is kept with a reservoir of its equilibrium samples; the chains of the present
    model exchange states with them at the ratio of free energies, and so come from mode to mode
    without crossing what lies between. When the rate of exchange falls below ``acceptance``, the
    present model is frozen in its turn: its chains run until their exchanges are uncorrelated, and
    fill a new reservoir. A step that went too far for that is taken back, and the learning rate
    halved. Frozen models also give log Z, by Bennett's ratio from each to the next.

    Bias: that of chains in equilibrium, as long as exchanges see every mode: probability that moves
    to a mode which a frozen model gave next to none is missed, as by every sampler that has not
    been there. ``log_partition()`` far from AIS's tells.

    Give it the optimizer, so that a step taken back halves the rate: :func:`torch_rbm.fit` does, in
    a loop of your own call ``loss.attach(optimizer)``.

    Args:
        rbm: the RBM to train, held as a submodule. Training starts from its parameters, by way of
            the model with its visible biases alone.
        chains: number of chains; several hundred, as the rate of exchange is measured by them.
        steps: Gibbs steps per sweep.
        sweeps: sweeps per call, each of which exchanges states and makes the steps.
        acceptance: the rate of exchange below which the model is frozen.
        least_acceptance: that below which a step is taken back.
        reservoir: samples of the frozen model for each chain.
        anneal: sweeps from the model without weights to the one that training starts from.
        max_sweeps: how long a freeze may take.
        sampled_hidden: use sampled hidden states instead of their means in both phases.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).

    Attributes:
        chain: [chains, visible].
        freezes: how many models have been frozen after the first.
        rejections: how many steps have been taken back.
        rate: the rate of exchange in the last call.
    """

    # Each process freezes models of its own.
    chain_dims: ClassVar[dict[str, int] | None] = None
    chain: Tensor
    chain_energy: Tensor
    samples: Tensor
    sample_energy: Tensor
    reservoir: Tensor
    reservoir_energy: Tensor
    frozen_weight: Tensor
    frozen_visible_bias: Tensor
    frozen_hidden_bias: Tensor
    frozen_log_z: Tensor
    counts: Tensor
    rate: Tensor

    def __init__(
        self,
        rbm: RBM,
        chains: int = 500,
        steps: int = 1,
        *,
        sweeps: int = 1,
        acceptance: float = 0.3,
        least_acceptance: float = 0.1,
        reservoir: int = 10,
        anneal: int = 100,
        max_sweeps: int = 10_000,
        sampled_hidden: bool = False,
        centered: bool = False,
        validate: bool = True,
    ) -> None:
        super().__init__(rbm, sampled_hidden=sampled_hidden, centered=centered, validate=validate)
        where = type(self).__name__
        if rbm.visible_log_precision is not None:
            raise ValueError(f"{where}: expected an RBM without learned precisions")
        chains = check_count(where, "chains", chains, 2)
        self.steps = check_count(where, "steps", steps, 1)
        self.sweeps = check_count(where, "sweeps", sweeps, 1)
        self.reservoir_rounds = check_count(where, "reservoir", reservoir, 1)
        self.anneal = check_count(where, "anneal", anneal, 1)
        self.max_sweeps = check_count(where, "max_sweeps", max_sweeps, _FIRST_SWEEPS)
        if not 0 <= least_acceptance < acceptance < 1:
            raise ValueError(
                f"{where}: expected 0 <= least_acceptance < acceptance < 1, "
                f"got {least_acceptance} and {acceptance}"
            )
        self.acceptance = float(acceptance)
        self.least_acceptance = float(least_acceptance)
        self._optimizer: torch.optim.Optimizer | None = None
        weight = rbm.weight.detach()
        count = chains * self.reservoir_rounds

        def energies(size: int) -> Tensor:
            return torch.zeros(size, dtype=torch.float64, device=weight.device)

        self.register_buffer("chain", weight.new_zeros(chains, weight.shape[1]))
        self.register_buffer("chain_energy", energies(chains))
        for name in ("samples", "reservoir"):
            self.register_buffer(name, weight.new_zeros(count, weight.shape[1]))
        for name in ("sample_energy", "reservoir_energy"):
            self.register_buffer(name, energies(count))
        self.register_buffer("frozen_weight", torch.zeros_like(weight))
        self.register_buffer("frozen_visible_bias", rbm.visible_bias.detach().clone())
        self.register_buffer("frozen_hidden_bias", torch.zeros_like(rbm.hidden_bias.detach()))
        self.register_buffer("frozen_log_z", torch.zeros((), dtype=torch.float64))
        # Updates, since the last freeze, rejections one after the other, freezes, rejections.
        self.register_buffer("counts", torch.zeros(5, dtype=torch.int64))
        self.register_buffer("rate", torch.ones((), dtype=torch.float64))

    @property
    def freezes(self) -> int:
        """How many models have been frozen after the first."""
        return int(self.counts[3])

    @property
    def rejections(self) -> int:
        """How many steps have been taken back."""
        return int(self.counts[4])

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Halve the rates of this optimizer, and forget its moments, when a step is taken back."""
        super().attach(optimizer)
        self._optimizer = optimizer

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        own = f"chains={len(self.chain)}, steps={self.steps}, sweeps={self.sweeps}"
        return ", ".join(filter(None, [own, super().extra_repr()]))

    def estimate(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss, its gradients, and the chains of the RBM.

        Raises:
            FloatingPointError: steps were taken back thirty times in a row, or log Z is so far off
                that states of the data have a probability above 1.
        """
        if self.training:
            generator = own_generator(generator, self.rbm.weight)
            with torch.no_grad():
                if int(self.counts[0]) == 0:
                    self._begin(generator)
                self._advance(generator)
                if int(self.counts[0]) % _GUARD_UPDATES == 0 and observed is None:
                    self._guard(data)
        return self._estimate(data, self.chain, 0, generator, observed)

    @torch.no_grad()
    def log_partition(self) -> float:
        """log Z of the model by the chain of frozen ones, in nats (Bennett 1976).

        Errors add up over the frozen models, a few hundredths of a nat each.
        """
        present = self._present()
        forward = self.sample_energy - self._energy(present, self.samples)
        reverse = self._energy(present, self.chain) - self._energy(self._frozen(), self.chain)
        return float(self.frozen_log_z) + bennett(forward, reverse)[0]

    @torch.no_grad()
    def log_likelihood(self, data: Tensor) -> float:
        """Mean log-likelihood of states, [cases, visible], with this log Z, in nats per case."""
        return -self._energy(self._present(), data).mean().item() - self.log_partition()

    def _present(self) -> Parameters:
        rbm = self.rbm
        return Parameters(rbm.weight.detach(), rbm.visible_bias.detach(), rbm.hidden_bias.detach())

    def _frozen(self) -> Parameters:
        return Parameters(self.frozen_weight, self.frozen_visible_bias, self.frozen_hidden_bias)

    def _energy(self, parameters: Parameters, states: Tensor) -> Tensor:
        return ops.free_energy(
            states,
            *parameters,
            **self.rbm.unit_options(),
        ).double()

    def _gibbs(self, parameters: Parameters, generator: torch.Generator | None) -> None:
        chain, _ = ops.gibbs(
            self.chain,
            *parameters,
            self.steps,
            **self.rbm.unit_options(),
            generator=generator,
        )
        self.chain.copy_(chain)

    def _begin(self, generator: torch.Generator | None) -> None:
        """Exact samples of the model without weights, moved to the one that training starts at."""
        rbm, start = self.rbm, self._present()
        self.frozen_visible_bias.copy_(start.visible_bias)
        count = len(self.samples)
        self.samples.copy_(independent_chains(rbm, count, generator))
        self.chain.copy_(independent_chains(rbm, len(self.chain), generator))
        frozen = self._frozen()
        self.sample_energy.copy_(self._energy(frozen, self.samples))
        self.chain_energy.copy_(self._energy(frozen, self.chain))
        self._refill()
        hidden = ops.cumulant(frozen.hidden_bias.double(), units=rbm.hidden_units)
        visible = ops.cumulant(frozen.visible_bias.double(), units=rbm.visible_units)
        self.frozen_log_z.copy_(hidden + visible)
        for k in range(1, self.anneal + 1):
            share = k / self.anneal
            between = Parameters(
                share * start.weight, start.visible_bias, share * start.hidden_bias
            )
            proposals = self._proposals(between, generator)
            self._swap(proposals)
            rate, last = proposals.rate, k == self.anneal
            if rate < self.least_acceptance or (last and not self._freeze(generator)):
                raise FloatingPointError(
                    "TrajectoryTempering: the model that training starts from is too far from "
                    "the one without weights: expected smaller weights, or a larger anneal"
                )
            if not last and rate < self.acceptance:
                self._keep(between, self._new_samples(between, generator))
            self._gibbs(between, generator)
            self.chain_energy.copy_(self._energy(between, self.chain))
        self.counts[3] = 0

    def _advance(self, generator: torch.Generator | None) -> None:
        """Exchange states with the reservoir, decide about the last step, and move the chains."""
        proposals = self._proposals(self._present(), generator)
        self.rate.fill_(proposals.rate)
        action = decide(proposals.rate, int(self.counts[1]), self.acceptance, self.least_acceptance)
        if action == "freeze" and not self._freeze(generator):
            action = "take back"
        if action == "take back":
            self._take_back(generator)
        present = self._present()
        for sweep in range(self.sweeps):
            if sweep > 0 or action != "go on":
                proposals = self._proposals(present, generator)
            self._swap(proposals)
            self._gibbs(present, generator)
        self.chain_energy.copy_(self._energy(present, self.chain))
        self.counts[0] += 1
        if action != "take back":
            self.counts[1] += 1
            self.counts[2] = 0

    def _proposals(self, present: Parameters, generator: torch.Generator | None) -> Proposals:
        """A sample for each chain, whether to exchange the two, and the mean rate.

        In the rate, chains count by how likely they still are under the present model: otherwise a
        step that went far would look better than it is.
        """
        device = self.chain.device
        source = device if generator is None else generator.device
        count = len(self.chain)
        order = torch.randperm(len(self.reservoir), generator=generator, device=source)
        chosen = order[:count].to(device)
        uniform = torch.rand(count, generator=generator, device=source, dtype=torch.float64)
        here = self._energy(present, self.chain)
        there = self._energy(present, self.reservoir[chosen])
        frozen = self._energy(self._frozen(), self.chain)
        log_odds = here - there + self.reservoir_energy[chosen] - frozen
        weights = torch.softmax(self.chain_energy - here, 0)
        rate = (weights * log_odds.clamp(max=0).exp()).sum()
        return Proposals(chosen, uniform.to(device).log() < log_odds, frozen, float(rate))

    def _swap(self, proposals: Proposals) -> None:
        rows = proposals.accepted.nonzero().flatten()
        places = proposals.chosen[rows]
        states = self.chain[rows]
        self.chain[rows] = self.reservoir[places]
        self.reservoir[places] = states
        self.reservoir_energy[places] = proposals.frozen_energy[rows]

    def _refill(self) -> None:
        """Forget what exchanges have put into the reservoir."""
        self.reservoir.copy_(self.samples)
        self.reservoir_energy.copy_(self.sample_energy)

    def _freeze(self, generator: torch.Generator | None) -> bool:
        """Make the present model the frozen one, if its chains come to rest; return whether."""
        present = self._present()
        chain, energy = self.chain.clone(), self.chain_energy.clone()
        self._refill()
        fresh = self._new_samples(present, generator)
        if fresh is None:
            self.chain.copy_(chain)
            self.chain_energy.copy_(energy)
            return False
        self._keep(present, fresh)
        return True

    def _new_samples(self, present: Parameters, generator: torch.Generator | None) -> Tensor | None:
        """Equilibrium samples of a model by exchanges with the frozen one; None if they fail."""
        history: list[Tensor] = []

        def sweep() -> None:
            proposals = self._proposals(present, generator)
            self._swap(proposals)
            history.append(proposals.accepted)
            self._gibbs(present, generator)

        wanted = _FIRST_SWEEPS
        while True:
            while len(history) < wanted:
                sweep()
            late = torch.stack(history[len(history) // 2 :]).double().mean()
            if late < self.least_acceptance:
                return None
            integrated, longest = exchange_times(torch.stack(history))
            if len(history) >= _TIMES * max(integrated, longest):
                break
            if len(history) >= self.max_sweeps:
                return None
            wanted = 2 * len(history)
        rounds = []
        for _ in range(self.reservoir_rounds):
            for _ in range(math.ceil(2 * integrated)):
                sweep()
            rounds.append(self.chain.clone())
        return torch.cat(rounds)

    def _keep(self, present: Parameters, fresh: Tensor | None) -> None:
        if fresh is None:
            raise FloatingPointError(
                "TrajectoryTempering: chains do not come to rest on the way to the model that "
                "training starts from: expected smaller weights, or a larger anneal"
            )
        energy = self._energy(present, fresh)
        forward = self.sample_energy - self._energy(present, self.samples)
        reverse = energy - self._energy(self._frozen(), fresh)
        self.frozen_log_z += bennett(forward, reverse)[0]
        for frozen, value in zip(self._frozen(), present, strict=True):
            frozen.copy_(value)
        self.samples.copy_(fresh)
        self.sample_energy.copy_(energy)
        self._refill()
        self.chain_energy.copy_(self._energy(present, self.chain))
        self.counts[1] = 0
        self.counts[3] += 1

    def _take_back(self, generator: torch.Generator | None) -> None:
        """Return to the frozen model, with chains that are its samples, and learn more slowly."""
        self.counts[2] += 1
        self.counts[4] += 1
        if int(self.counts[2]) > _MOST_REJECTIONS:
            raise FloatingPointError(
                f"TrajectoryTempering: {_MOST_REJECTIONS} steps in a row were taken back: "
                "expected a lower learning rate or more steps"
            )
        rbm = self.rbm
        parameters = (rbm.weight, rbm.visible_bias, rbm.hidden_bias)
        for parameter, value in zip(parameters, self._frozen(), strict=True):
            parameter.copy_(value)
        self._refill()
        source = self.chain.device if generator is None else generator.device
        order = torch.randperm(len(self.samples), generator=generator, device=source)
        chosen = order[: len(self.chain)].to(self.chain.device)
        self.chain.copy_(self.samples[chosen])
        self.chain_energy.copy_(self.sample_energy[chosen])
        self.counts[1] = 0
        if self._optimizer is not None:
            self._optimizer.state.clear()
            for group in self._optimizer.param_groups:
                group["lr"] /= 2

    def _guard(self, data: Tensor) -> None:
        units = self.rbm.visible_layer()
        if units.continuous or data.layout != torch.strided:
            return
        largest = float((-self._energy(self._present(), data)).max()) - self.log_partition()
        if largest > _GUARD_NATS:
            raise FloatingPointError(
                f"TrajectoryTempering: log p(v) = {largest:.0f} > 0 for a state of the data: the "
                "chains miss a mode; expected more steps or a lower learning rate"
            )
