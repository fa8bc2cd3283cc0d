"""Chains at several temperatures that exchange their states."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from torch_rbm import ops
from torch_rbm.distributed import mean_of_all, random_source
from torch_rbm.losses.estimate import GradientEstimate, SampledLoss, independent_chains
from torch_rbm.rbm import RBM
from torch_rbm.validation import check_count

# Calls between two looks at the ladder of temperatures, and how much the rates of the calls before
# the last look still count.
_ADAPT_CALLS = 100
_MEMORY = 0.5
# A level is taken away only where the others would still accept this much more than the target.
_SLACK = 1.3


class ParallelTempering(SampledLoss):
    """Parallel tempering (Desjardins et al. 2010; Cho, Raiko and Ilin 2010): chains that mix.

    Persistent chains run at inverse temperatures β from 0, a model without weights, whose samples
    are independent, to 1, the RBM. Neighbours exchange states; the negative phase has those of
    β = 1. A mode that Gibbs steps at β = 1 never leave is left by way of the hot chains.

    The temperatures adapt: every hundred calls they are spaced anew so that all neighbours exchange
    at the same rate, and while that rate is below ``acceptance``, one is added, up to
    ``max_temperatures`` (Syed et al. 2022: the rejection rates add up to a barrier that does not
    depend on the spacing).

    Bias: that of PCD, less where the exchange rates are good. ``rates()`` and ``round_trips`` tell:
    with rates near 0 anywhere, or without round trips, nothing of what is hot arrives.

    Args:
        rbm: the RBM to train, held as a submodule. Its visible biases at this time are those of the
            model at β = 0, so fit them to the data before: :func:`torch_rbm.initialize`.
        chains: number of chains at each temperature.
        steps: steps per call, each of which proposes exchanges and makes a Gibbs step at every β.
        temperatures: number of temperatures at first, equally spaced.
        acceptance: the exchange rate of neighbours that temperatures are added for; None to keep
            the temperatures as they are.
        max_temperatures: how many there may be.
        sampled_hidden: use sampled hidden states instead of their means in both phases.
        centered: take the step of the centred RBM; see :class:`torch_rbm.Centering`.
        validate: refuse data that the visible units cannot have (not while being compiled).

    Attributes:
        chain: [temperatures, chains, visible]; ``chain[-1]`` are those of the RBM.
        betas: float64, [temperatures], rising from 0 to 1.
        round_trips: how many times a state has come from β = 0 to β = 1.
    """

    chain_dims: ClassVar[dict[str, int] | None] = {"chain": 1, "from_base": 1}
    chain: Tensor
    betas: Tensor
    base_visible_bias: Tensor
    accepted: Tensor
    proposed: Tensor
    from_base: Tensor
    round_trips: Tensor
    calls: Tensor

    def __init__(
        self,
        rbm: RBM,
        chains: int = 100,
        steps: int = 1,
        *,
        temperatures: int = 10,
        acceptance: float | None = 0.3,
        max_temperatures: int = 50,
        sampled_hidden: bool = False,
        centered: bool = False,
        validate: bool = True,
    ) -> None:
        super().__init__(rbm, sampled_hidden=sampled_hidden, centered=centered, validate=validate)
        where = type(self).__name__
        chains = check_count(where, "chains", chains, 1)
        self.steps = check_count(where, "steps", steps, 1)
        levels = check_count(where, "temperatures", temperatures, 2)
        self.max_temperatures = check_count(where, "max_temperatures", max_temperatures, levels)
        if acceptance is not None and not 0 < acceptance < 1:
            raise ValueError(f"{where}: expected acceptance in (0, 1), got {acceptance}")
        self.acceptance = acceptance
        device = rbm.weight.device
        self.register_buffer("base_visible_bias", rbm.visible_bias.detach().clone())
        self.register_buffer("chain", rbm.weight.new_zeros(levels, chains, rbm.weight.shape[1]))
        betas = torch.linspace(0, 1, levels, dtype=torch.float64, device=device)
        self.register_buffer("betas", betas)
        self.register_buffer("accepted", torch.zeros_like(betas[1:]))
        self.register_buffer("proposed", torch.zeros_like(betas[1:]))
        # Whether a state was at β = 0 later than at β = 1.
        self.register_buffer(
            "from_base", torch.zeros(levels, chains, dtype=torch.bool, device=device)
        )
        self.register_buffer("round_trips", torch.zeros((), dtype=torch.int64, device=device))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64, device=device))
        self.reset_chain()

    @torch.no_grad()
    def reset_chain(self, generator: torch.Generator | None = None) -> None:
        """Draw all states anew, from the model with its visible biases and W = 0."""
        levels, chains, visible = self.chain.shape
        states = independent_chains(self.rbm, levels * chains, generator)
        self.chain.copy_(states.view(levels, chains, visible))

    def rates(self) -> Tensor:
        """The measured exchange rates of neighbouring temperatures, float64 [temperatures - 1].

        NaN where nothing has been proposed since the last change of the temperatures.
        """
        return self.accepted / self.proposed

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        levels, chains, _ = self.chain.shape
        own = f"chains={chains}, steps={self.steps}, temperatures={levels}"
        return ", ".join(filter(None, [own, super().extra_repr()]))

    def estimate(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> GradientEstimate:
        """Return the loss, its gradients, and the chains of the RBM, those at β = 1."""
        rbm = self.rbm
        with torch.no_grad():
            chain, accepted, proposed, origin = ops.parallel_tempering(
                self.chain,
                rbm.weight,
                rbm.visible_bias,
                rbm.hidden_bias,
                self.base_visible_bias,
                self.betas,
                self.steps,
                **rbm.unit_options(),
                **random_source(generator, rbm.weight),
            )
        estimate = self._estimate(data, chain[-1], 0, generator, observed)
        if self.training:
            self.chain.copy_(chain)
            self.accepted += accepted
            self.proposed += proposed
            self._follow(origin)
            self.calls += 1
            # A graph cannot change the number of temperatures, or decide by a count.
            adapts = self.acceptance is not None and not torch.compiler.is_compiling()
            if adapts and int(self.calls) % _ADAPT_CALLS == 0:
                self.adapt()
        return estimate

    def _follow(self, origin: Tensor) -> None:
        """Count the states that arrive at β = 1 from β = 0."""
        self.from_base.copy_(self.from_base.gather(0, origin))
        self.round_trips += self.from_base[-1].sum()
        self.from_base[-1].fill_(False)
        self.from_base[0].fill_(True)

    @torch.no_grad()
    def adapt(self) -> None:
        """Space the temperatures by the barriers between them, with one more or less if needed.

        Done every so many calls in training mode; where the loss is compiled, it is for the caller
        to do, for example after each epoch. Nothing happens with ``acceptance=None``, or while some
        pair of temperatures has not been proposed an exchange since the last change.
        """
        target = self.acceptance
        if target is None:
            return
        accepted, proposed = mean_of_all(self.accepted, self.proposed)
        if bool((proposed == 0).any()):
            return
        levels = len(self.betas)
        rates = accepted / proposed
        barrier = torch.cat([self.betas.new_zeros(1), (1 - rates).clamp(min=1e-3).cumsum(0)])
        total = float(barrier[-1])
        wanted = levels
        if total / (levels - 1) > 1 - target:
            wanted = min(levels + 1, self.max_temperatures)
        elif levels > 2 and total / (levels - 2) < 1 - min(_SLACK * target, 1.0):
            wanted = levels - 1
        share = torch.linspace(0, total, wanted, dtype=torch.float64, device=self.betas.device)
        above = torch.searchsorted(barrier, share).clamp(1, levels - 1)
        low, high = barrier[above - 1], barrier[above]
        part = (share - low) / (high - low)
        betas = self.betas[above - 1] + part * (self.betas[above] - self.betas[above - 1])
        betas[0], betas[-1] = 0.0, 1.0
        if wanted != levels:
            # New levels begin with the states of the nearest old ones.
            nearest = (betas[:, None] - self.betas[None, :]).abs().argmin(1)
            self.chain = self.chain[nearest].clone()
            self.from_base = self.from_base[nearest].clone()
            self.accepted = torch.zeros_like(betas[1:])
            self.proposed = torch.zeros_like(betas[1:])
        else:
            self.accepted *= _MEMORY
            self.proposed *= _MEMORY
        self.betas = betas

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take the number of temperatures from the state."""
        for name in ("chain", "betas", "accepted", "proposed", "from_base"):
            saved = state_dict.get(prefix + name)
            buffer = getattr(self, name)
            if isinstance(saved, Tensor) and saved.shape[1:] == buffer.shape[1:]:
                setattr(self, name, buffer.new_zeros(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
