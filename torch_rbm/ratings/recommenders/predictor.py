"""Predicted ratings and recommendations by numbers of users and items, with or without Python."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.recommenders.case_model import CaseModel
from torch_rbm.ratings.tables.levels import nearest_levels


class Predictor(nn.Module):
    """What a recommender computes, as a module that TorchScript can have.

    What is known of a user is a profile: her readout of the items' features, and her state as a
    case, as far as there are models of either kind. Users that were there in training
    have one; it is made for others from their ratings, without any change of the models.

    Args:
        by_item: a model with items as cases and users as units, or None.
        by_user: a model with users as cases and items as units, or None.
        scale: the rating of each level, ascending, float64 [levels].
        seen: the training ratings, with users as cases.
        items: number of items.
        user_share: weight of ``by_user`` in the mean of both probabilities.

    Attributes:
        counts: ratings of each item in training, int64 [items].
    """

    def __init__(
        self,
        by_item: CaseModel | None,
        by_user: CaseModel | None,
        scale: Tensor,
        seen: Ratings,
        items: int,
        user_share: float = 0.0,
    ) -> None:
        super().__init__()
        self.by_item = by_item
        self.by_user = by_user
        self.items = items
        self.user_share = user_share
        self.scale = nn.Buffer(scale)
        self.seen_crow, self.seen_items, self.seen_levels = map(nn.Buffer, seen)
        self.counts = nn.Buffer(torch.bincount(seen.items, minlength=items))

    @torch.jit.unused
    def read_out(
        self,
        penalty: float,
        user_share: float = 0.0,
        users: Tensor | None = None,
        items: Tensor | None = None,
    ) -> None:
        """Find the regressions of the models from the training ratings.

        Args:
            penalty: see :meth:`CaseModel.read_out`.
            user_share: see above.
            users: those who will be asked about; all by default.
            items: likewise.
        """
        seen = Ratings(self.seen_crow, self.seen_items, self.seen_levels)
        if self.by_item is not None:
            self.by_item.read_out(seen.transposed(self.items), penalty, users)
        if self.by_user is not None:
            self.by_user.read_out(seen, penalty, items)
        self.user_share = user_share

    @torch.jit.unused
    @torch.no_grad()
    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """p(level) of ratings by users of the training, float64 [pairs, levels].

        Args:
            users: int64 [pairs]; the number of all stands for an unknown one.
            items: int64 [pairs]; likewise.
        """
        both = self.pairs_by_model(users, items)
        return torch.lerp(both[0], both[-1], self._share())

    @torch.jit.unused
    @torch.no_grad()
    def pairs_by_model(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """What ``by_item`` and ``by_user``, as far as there are these, say for :meth:`pairs`."""
        parts = []
        if self.by_item is not None:
            parts.append(self.by_item.probabilities(items, users).double())
        if self.by_user is not None:
            parts.append(self.by_user.probabilities(users, items).double())
        return parts

    def _share(self) -> float:
        return 1.0 if self.by_item is None else self.user_share

    @torch.jit.export
    def levels_of(self, ratings: Tensor) -> Tensor:
        """The nearest level of each rating, int64 [ratings]."""
        return nearest_levels(self.scale, ratings)

    @torch.jit.export
    def known_profile(self, user: int) -> tuple[Tensor, Tensor]:
        """The profile of a user of the training; of an unknown one for the number of users."""
        readout, state = self.scale[:0], self.scale[:0]
        if self.by_item is not None:
            readout = self.by_item.readout[user]
        if self.by_user is not None:
            state = self.by_user.state[user]
        return readout, state

    @torch.jit.export
    def new_profile(self, items: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
        """The profile of a user with these ratings, both int64 [ratings]; there may be none."""
        readout, state = self.scale[:0], self.scale[:0]
        if self.by_item is not None:
            readout = self.by_item.new_readout(items, levels)
        if self.by_user is not None:
            known = items < self.items
            state = self.by_user.new_state(items[known], levels[known])
        return readout, state

    @torch.jit.export
    def probabilities(self, profile: tuple[Tensor, Tensor], items: Tensor) -> Tensor:
        """p(level) of the user's ratings of items, [items, levels].

        Args:
            profile: of the user.
            items: int64 [items]; the number of all items stands for one that training did not have.
        """
        readout, state = profile
        result = torch.zeros([items.numel(), self.scale.numel()], dtype=self.scale.dtype)
        if self.by_item is not None:
            logits = self.by_item.features(self.by_item.state[items]) @ readout.t()
            result = logits.double().softmax(1)
        if self.by_user is not None:
            features = self.by_user.features(state.unsqueeze(0))[0]
            other = (self.by_user.readout[items] @ features).double().softmax(1)
            result = torch.lerp(result, other, self._share())
        return result

    @torch.jit.export
    def recommend(
        self, profile: tuple[Tensor, Tensor], seen: Tensor, count: int, least: int = 1
    ) -> tuple[Tensor, Tensor]:
        """The items with the highest expected rating, and these ratings, the best first.

        Args:
            profile: of the user.
            seen: items to leave out, int64.
            count: how many; fewer where there are no more.
            least: leave out items that fewer have rated in training.
        """
        expected = self.probabilities(profile, torch.arange(self.items)) @ self.scale
        allowed = self.counts >= least
        allowed[seen] = False
        count = min(count, int(allowed.sum()))
        expected = torch.where(allowed, expected, -torch.inf)
        best = torch.topk(expected, count)
        return best.indices, best.values

    @torch.jit.export
    def seen(self, user: int) -> Tensor:
        """The items that a user has rated in training, int64."""
        return self.seen_items[int(self.seen_crow[user]) : int(self.seen_crow[user + 1])]

    def forward(self, items: Tensor, ratings: Tensor, asked: Tensor) -> Tensor:
        """p(level) of ratings of items by a user with these ratings, [asked, levels].

        Args:
            items: what the user has rated, int64 [ratings].
            ratings: her ratings, [ratings].
            asked: items, int64 [asked].
        """
        return self.probabilities(self.new_profile(items, self.levels_of(ratings)), asked)


class NamedPredictor(Predictor):
    """A predictor with the names of users and items, and titles, as text, by number.

    Args:
        predictor: the predictor, whose tensors it shares.
        users: names of the users.
        names: names of the items.
        titles: their titles.
    """

    def __init__(
        self, predictor: Predictor, users: list[str], names: list[str], titles: list[str]
    ) -> None:
        super().__init__(
            predictor.by_item,
            predictor.by_user,
            predictor.scale,
            Ratings(predictor.seen_crow, predictor.seen_items, predictor.seen_levels),
            predictor.items,
            predictor.user_share,
        )
        self.users = users
        self.names = names
        self.titles = titles

    @torch.jit.export
    def user_names(self) -> list[str]:
        """The names of the users, by number."""
        return self.users

    @torch.jit.export
    def item_names(self) -> list[str]:
        """The names of the items, by number."""
        return self.names

    @torch.jit.export
    def item_titles(self) -> list[str]:
        """The titles of the items, by number."""
        return self.titles
