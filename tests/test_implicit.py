"""Recommenders from choices."""

import functools

import numpy as np
import pytest
import torch

from tests.rating_world import generator
from torch_rbm.ratings import (
    ImplicitRecommender,
    Popularity,
    RatingTable,
    evaluate,
    leave_last_out,
)


class TestImplicit:
    @staticmethod
    @functools.cache
    def choices():
        """Users of two kinds, each choosing mostly among half of the items."""
        rng = np.random.default_rng(0)
        chance = np.where(
            (np.arange(200)[:, None] < 100) == (np.arange(40) < 20), 0.4, 0.03
        ) * rng.uniform(0.5, 1.5, 40)
        user, item = np.nonzero(rng.random((200, 40)) < chance)
        table = RatingTable.from_arrays(user, item, times=rng.random(len(user)))
        return leave_last_out(table)

    @staticmethod
    @functools.cache
    def fitted():
        return ImplicitRecommender.fit(
            TestImplicit.choices()[0],
            hidden=8,
            epochs=60,
            optimizer=functools.partial(torch.optim.Adam, lr=0.02),
            generator=generator(),
            progress=False,
        )

    def test_it_ranks_better_than_popularity(self):
        recommender, (train, test) = self.fitted(), self.choices()
        scores = evaluate(recommender, test, k=5)
        assert scores.rmse is None
        assert scores.ndcg > 1.3 * evaluate(Popularity(train), test, k=5).ndcg

    def test_probabilities_are_those_of_the_rbm(self):
        """p(v_i = 1 | the rest) by the free energies of both states."""
        recommender = self.fitted()
        rbm = recommender.rbm
        chosen = [3, 5, 11]
        state = torch.zeros(len(recommender.items))
        state[recommender.items.numbers(chosen)] = 1
        for choice in recommender.recommend(chosen, 4):
            with_it = state.clone()
            with_it[recommender.items.number(choice.item)] = 1
            odds = rbm.free_energy(state.unsqueeze(0)) - rbm.free_energy(with_it.unsqueeze(0))
            assert choice.probability == pytest.approx(odds.sigmoid().item(), rel=1e-4)
            assert choice.item not in chosen

    def test_users_new_and_old(self):
        recommender, (train, _) = self.fitted(), self.choices()
        user = train.users[0]
        mine = train.items[train.item[train.user == 0]].tolist()
        assert recommender.recommend(user, 5) == recommender.recommend(mine, 5)
        assert len(recommender.recommend([], 5)) == 5
        with pytest.raises(ValueError, match="items of the training ratings, got 'never heard"):
            recommender.recommend(["never heard of"], 5)
        assert len(recommender.recommend(user, 100)) == 40 - len(mine)

    def test_a_choice_that_is_made_again_counts_once(self):
        once = RatingTable.from_arrays([1, 1, 2], [5, 6, 5], times=[1, 2, 3])
        again = RatingTable.from_arrays([1, 1, 2, 1], [5, 6, 5, 5], times=[1, 2, 3, 4])
        assert len(again) == 3
        for name in ("user", "item", "level", "time"):
            assert getattr(again, name).equal(getattr(once, name))

    def test_files(self, tmp_path):
        recommender = self.fitted()
        recommender.save(tmp_path / "clicks.pt")
        again = ImplicitRecommender.load(tmp_path / "clicks.pt")
        assert again.recommend([1], 3) == recommender.recommend([1], 3)
        assert repr(again) == repr(recommender)
