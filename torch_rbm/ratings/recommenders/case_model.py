"""An RBM of ratings with a regression for each of its visible units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.fit import RatingsEpoch, fit_ratings
from torch_rbm.ratings.rbm import RatingsRBM
from torch_rbm.ratings.recommenders.quality import Quality
from torch_rbm.ratings.recommenders.readout import fit_readouts
from torch_rbm.training import History
from torch_rbm.units import UnitsLike

_BIAS_PENALTY = 5.0
# The readout of all units together is learned from so many ratings at most.
_COMMON_RATINGS = 100_000
_COMMON_STEPS = 60
_CHUNK = 10_000
# Readouts are found together of units that have not more ratings, counting those that fill up and
# for each unit some at least.
_TOGETHER = 10_000
_LEAST = 10


class CaseModel(nn.Module):
    """Features of cases from an RBM, and how each unit turns them into a rating.

    Cases are items and units are users, or the other way about. An RBM of the cases is trained by
    contrastive divergence. Then every unit gets a readout: a softmax regression from features of
    the case, without the unit's own rating, to its ratings, by penalised maximum likelihood around
    the readout of all units together. The features are E[h | ratings], the case's quality and the
    unit's generosity (:class:`Quality`). The RBM's own weights are a regression of this kind, too,
    but learned to reconstruct; readouts predict better, and are found alike for units that come
    later.

    Args:
        cases: number of cases.
        units: number of units.
        levels: levels of a rating.
        hidden: hidden units.
        hidden_units: what they are.
        dtype: of the parameters.

    Attributes:
        rbm: the RBM, with the units as its items.
        quality: gives the features of that name.
        state: what ratings send to the hidden units of each case, and its quality,
            [cases + 1, hidden + 1]; the last row is that of a case without ratings.
        center: the mean of E[h] over the ratings, [hidden].
        readout: [units + 1, levels, hidden + 2]; the last feature is 1, generosity being part of
            its weights; the last unit is unknown.
        common: the readout of all units together, [levels, hidden + 3], generosity being the last
            feature.
        penalty: of each feature, in finding readouts, [hidden + 3].
    """

    def __init__(
        self,
        cases: int,
        units: int,
        levels: int,
        hidden: int,
        *,
        hidden_units: UnitsLike = "bernoulli",
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.cases = cases
        self.rbm = RatingsRBM(units, levels, hidden, hidden_units=hidden_units, dtype=dtype)
        self.quality = Quality(units, dtype=dtype)
        self.state = nn.Buffer(torch.zeros(cases + 1, hidden + 1, dtype=dtype))
        self.center = nn.Buffer(torch.zeros(hidden, dtype=dtype))
        self.readout = nn.Buffer(torch.zeros(units + 1, levels, hidden + 2, dtype=dtype))
        self.common = nn.Buffer(torch.zeros(levels, hidden + 3, dtype=dtype))
        self.penalty = nn.Buffer(torch.ones(hidden + 3, dtype=dtype))

    @torch.jit.unused
    def description(self) -> dict[str, Any]:
        """Return the arguments that make a model like this, for files."""
        options = self.rbm.description()
        return {
            "cases": self.cases,
            "units": options["items"],
            **{name: options[name] for name in ("levels", "hidden", "hidden_units")},
        }

    @torch.jit.unused
    def fit(self, ratings: Ratings, **options: Any) -> History[RatingsEpoch]:
        """Train the RBM; the options are those of :func:`torch_rbm.fit_ratings`."""
        self.rbm.initialize(ratings)
        return fit_ratings(self.rbm, ratings, **options)

    @torch.jit.unused
    @torch.no_grad()
    def read_out(self, ratings: Ratings, penalty: float, units: Tensor | None = None) -> None:
        """Set the states and the readouts, from the ratings that the RBM was trained on.

        Args:
            ratings: of all cases.
            penalty: how strongly readouts are held together; more for fewer ratings.
            units: whose readouts to set, int64; all by default.
        """
        self.penalty.fill_(penalty)
        self.penalty[-3:] = _BIAS_PENALTY
        cases, by, levels = ratings.cases(), ratings.items, ratings.levels
        self.quality.fit(by, levels)
        self.state.zero_()
        self.state[:-1] = self.states_of(ratings.crow, by, levels)
        self.state[-1, :-1] = self.rbm.hidden_bias
        counts = ratings.crow.diff()
        # Of features that are not centred one rating would change the opinion of every case.
        self.center.zero_()
        features = self.features(self.state)[:-1, :-2]
        self.center.copy_(counts.to(features) @ features / counts.sum())
        by_unit = ratings.transposed(len(self.readout) - 1)
        self.common.copy_(self._common_readout(cases, by, levels, counts, by_unit.crow.diff()))
        self.readout[-1] = self._with_generosity(self.common, torch.zeros_like(self.quality.mean))
        if units is None:
            units = torch.arange(len(self.readout) - 1, device=by.device)
        for some in _alike(units, by_unit.crow.diff()):
            self.readout[some] = self._readouts_of(some, by_unit.select(some), counts)

    def _readouts_of(self, units: Tensor, ratings: Ratings, counts: Tensor) -> Tensor:
        """The readouts of units with such ratings of cases, of which there are so many in all."""
        row = ratings.cases()
        features = self._without_own(ratings.items, units[row], ratings.levels, counts)
        place = torch.arange(len(row), device=row.device) - ratings.crow[row]
        most = int(ratings.crow.diff().max())
        padded = features.new_zeros(len(units), most, features.size(1))
        levels = row.new_full((len(units), most), -1)
        padded[row, place], levels[row, place] = features, ratings.levels
        return self._readouts(padded, levels)

    def _common_readout(
        self, cases: Tensor, units: Tensor, levels: Tensor, counts: Tensor, unit_counts: Tensor
    ) -> Tensor:
        """The readout of all units together, from a sample of the ratings, [levels, hidden + 3]."""
        frequency = torch.bincount(levels, minlength=len(self.common)).to(self.common) + 1
        start = torch.zeros_like(self.common)
        start[:, -2] = (frequency / frequency.sum()).log()
        sample = torch.randperm(len(cases), generator=torch.Generator().manual_seed(0))
        sample = sample[:_COMMON_RATINGS].to(cases.device)
        cases, units, levels = cases[sample], units[sample], levels[sample]
        count = unit_counts[units]
        total = self.quality.total(self.quality.generosity(units), count)
        generosity = self.quality.of(total - (levels - self.quality.mean), count - 1)
        features = self._without_own(cases, units, levels, counts)
        features = torch.cat([features, generosity.unsqueeze(1)], 1)
        one = features.unsqueeze(0), levels.unsqueeze(0)
        return fit_readouts(*one, start, self.penalty, _COMMON_STEPS)[0]

    def _readouts(self, features: Tensor, levels: Tensor) -> Tensor:
        """The readouts of units, [units, levels, hidden + 2].

        Args:
            features: without what the unit's own rating says, [units, ratings, hidden + 2].
            levels: of the ratings, −1 where a unit has fewer than others, [units, ratings].
        """
        rated = (levels >= 0).to(features.dtype)
        differences = (levels - self.quality.mean) * rated
        total, count = differences.sum(1, keepdim=True), rated.sum(1, keepdim=True)
        generosity = self.quality.of(total - differences, count - 1) * rated
        features = torch.cat([features, generosity.unsqueeze(2)], 2)
        weight = fit_readouts(features, levels, self.common, self.penalty)
        return self._with_generosity(weight, self.quality.of(total, count).unsqueeze(2))

    def _with_generosity(self, weight: Tensor, generosity: Tensor) -> Tensor:
        """The weights of units whose generosity goes into the weights of the feature 1."""
        one = weight[..., -2:-1] + weight[..., -1:] * generosity
        return torch.cat([weight[..., :-2], one], -1)

    def _without_own(self, cases: Tensor, units: Tensor, levels: Tensor, counts: Tensor) -> Tensor:
        """Features of cases without what the unit's own rating says, [ratings, hidden + 2]."""
        state = self.state[cases]
        state[:, :-1] -= self.rbm.weight[units, levels]
        total = self.quality.total(state[:, -1], counts[cases])
        total -= self.quality.differences(units, levels)
        state[:, -1] = self.quality.of(total, counts[cases] - 1)
        return self.features(state)

    def states_of(self, crow: Tensor, units: Tensor, levels: Tensor) -> Tensor:
        """The states of cases with such ratings, [cases, hidden + 1]."""
        weight = self.rbm.weight
        field = self.rbm.hidden_bias + nn.functional.embedding_bag(
            units * weight.size(1) + levels,
            weight.flatten(0, 1),
            crow,
            mode="sum",
            include_last_offset=True,
        )
        total = nn.functional.embedding_bag(
            torch.arange(len(units), device=units.device),
            self.quality.differences(units, levels).unsqueeze(1),
            crow,
            mode="sum",
            include_last_offset=True,
        )
        quality = self.quality.of(total[:, 0], crow.diff())
        return torch.cat([field, quality.to(field.dtype).unsqueeze(1)], 1)

    def features(self, state: Tensor) -> Tensor:
        """E[h] less its mean, the quality, and 1: [cases, hidden + 1] to [cases, hidden + 2]."""
        none = torch.zeros(0, dtype=torch.int64, device=state.device)
        no_ratings = torch.zeros(state.size(0) + 1, dtype=torch.int64, device=state.device)
        mean = torch.ops.torch_rbm.ratings_hidden_mean(
            no_ratings,
            none,
            none,
            self.rbm.weight,
            state[:, :-1],
            hidden_units=self.rbm.hidden_units,
        )
        features = torch.cat([mean - self.center, state[:, -1:]], 1)
        return nn.functional.pad(features, [0, 1], value=1.0)

    def new_readout(self, cases: Tensor, levels: Tensor) -> Tensor:
        """The readout of a unit that was not there in training, from its ratings of cases."""
        features = self.features(self.state[cases])
        return self._readouts(features.unsqueeze(0), levels.unsqueeze(0))[0]

    def new_state(self, units: Tensor, levels: Tensor) -> Tensor:
        """The state of a case that was not there in training, from its ratings by units."""
        crow = torch.tensor([0, len(units)], device=units.device)
        return self.states_of(crow, units, levels)[0]

    @torch.jit.unused
    @torch.no_grad()
    def probabilities(self, cases: Tensor, units: Tensor) -> Tensor:
        """p(level) of ratings of cases by units, both int64 [ratings], [ratings, levels]."""
        parts = [
            torch.einsum("rlf,rf->rl", self.readout[unit], self.features(self.state[case]))
            for case, unit in zip(
                torch.split(cases, _CHUNK), torch.split(units, _CHUNK), strict=True
            )
        ]
        return torch.cat(parts).softmax(1)


def _alike(units: Tensor, counts: Tensor) -> Iterator[Tensor]:
    """Yield the units, those together that have about as many ratings each."""
    order = units[counts[units].argsort()]
    sizes = counts[order].clamp(min=_LEAST).tolist()
    first = 0
    while first < len(sizes):
        last = first + 1
        while last < len(sizes) and (last + 1 - first) * sizes[last] <= _TOGETHER:
            last += 1
        yield order[first:last]
        first = last
