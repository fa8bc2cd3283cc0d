"""Recommenders from ratings: predictions, lists, files and TorchScript."""

import functools

import numpy as np
import pytest
import torch

import torch_rbm
from tests.rating_world import FAST, exchanged, generator, halves, world
from torch_rbm.ratings import (
    GlobalMean,
    RatingTable,
    Recommender,
    UserItemBiases,
    evaluate,
)


@functools.cache
def trained(orientation):
    train, _ = halves(orientation)
    return Recommender.fit(
        train,
        orientation=orientation,
        penalty=2.0,
        user_share=0.2,
        prior=1.0,
        titles={item: f"Film {item}" for item in train.items.tolist()},
        generator=generator(2),
        **FAST,
    )


class TestRecommender:
    @pytest.mark.parametrize("orientation", ["items", "users", "both"])
    def test_it_learns_more_than_biases(self, orientation):
        train, test = halves(orientation)
        scores = evaluate(trained(orientation), test)
        assert scores.rmse < 0.9 * evaluate(UserItemBiases(train), test).rmse
        assert scores.nll < 0.95 * evaluate(GlobalMean(train), test).nll
        assert scores.calibration_error < 0.03

    def test_settings_are_chosen_by_ratings_that_are_left_out(self):
        """The share goes to the model that fits how these ratings came about."""
        train, test = halves()
        options = FAST | {"epochs": 30}
        recommender = Recommender.fit(
            train, orientation="both", prior=1.0, generator=generator(), **options
        )
        assert recommender.predictor.user_share <= 0.5
        assert evaluate(recommender, test).rmse < evaluate(UserItemBiases(train), test).rmse

    def test_settings_that_are_given_are_kept(self, split):
        train, _, _ = split
        recommender = Recommender.fit(
            train, orientation="both", penalty=7.0, user_share=0.25, epochs=1, progress=False
        )
        predictor = recommender.predictor
        assert predictor.by_item.penalty[0] == predictor.by_user.penalty[0] == 7
        assert predictor.user_share == 0.25
        assert recommender.orientation == "both"

    def test_the_same_generator_gives_the_same_recommender(self, split):
        train, test, _ = split
        options = {"epochs": 2, "penalty": 2.0, "progress": False}
        one, two = (
            Recommender.fit(train, generator=generator(3), **options).probabilities(
                test.user, test.item
            )
            for _ in range(2)
        )
        assert one.equal(two)

    @pytest.mark.parametrize("orientation", ["items", "users", "both"])
    def test_predictions(self, orientation):
        """The whole distribution, alike by names, by numbers and whoever else is asked about."""
        train, test = halves(orientation)
        recommender = trained(orientation)
        user = int(test.users[test.user[0]])
        items = test.items[test.item[test.user == test.user[0]]].tolist()
        prediction = recommender.predict(user, items)
        together = recommender.probabilities(test.user, test.item)[test.user == test.user[0]]
        torch.testing.assert_close(prediction.probabilities, together, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(
            prediction.probabilities.sum(1), torch.ones(len(items)).double(), atol=1e-6, rtol=0
        )
        levels = np.array(
            [
                np.random.default_rng(0).choice(train.scale.numpy(), 100_000, p=p / p.sum())
                for p in prediction.probabilities.numpy()[:2]
            ]
        )
        assert prediction.mean[:2].numpy() == pytest.approx(levels.mean(1), abs=0.03)
        assert prediction.std[:2].numpy() == pytest.approx(levels.std(1), abs=0.03)
        by_word = recommender.predict(str(user), items[:1]).mean[0]
        assert by_word == pytest.approx(prediction.mean[0])

    @pytest.mark.parametrize("orientation", ["items", "users"])
    def test_new_users_without_training(self, orientation):
        """From four fifths of their ratings, better than by the biases of items and their own."""
        table = exchanged(world()[0]) if orientation == "users" else world()[0]
        count = len(table.users) * 4 // 5
        old = table.subset(table.user < count)
        recommender = Recommender.fit(
            old, orientation=orientation, penalty=2.0, prior=1.0, generator=generator(), **FAST
        )
        biases = UserItemBiases(old)

        def by_items(items):
            return biases.expected(torch.full_like(items, len(table.users)), items)

        errors, guesses = [], []
        for user in range(count, len(table.users)):
            mine = torch.nonzero(table.user == user).flatten()
            given, asked = mine[torch.arange(len(mine)) % 5 > 0], mine[::5]
            items, values = torch.from_numpy(table.items)[table.item], table.values()
            ratings = dict(zip(items[given].tolist(), values[given].tolist(), strict=True))
            mean = recommender.predict(ratings, items[asked].tolist()).mean
            own = (values[given] - by_items(table.item[given])).sum() / (len(given) + 3)
            errors.append(mean - values[asked])
            guesses.append(by_items(table.item[asked]) + own - values[asked])
        assert torch.cat(errors).square().mean() < 0.9 * torch.cat(guesses).square().mean()

    def test_recommendations(self):
        train, _ = halves("items")
        recommender = trained("items")
        user = int(train.users[0])
        seen = set(train.items[train.item[train.user == 0]].tolist())
        best = recommender.recommend(user, 8)
        assert len(best) == 8
        assert not seen & {recommendation.item for recommendation in best}
        assert [r.rating for r in best] == sorted((r.rating for r in best), reverse=True)
        assert best[0].title == f"Film {best[0].item}"
        ratings = recommender.predict(user, train.items).mean
        counts = torch.bincount(train.item, minlength=300)
        allowed = torch.tensor([item not in seen for item in train.items.tolist()]) & (counts >= 5)
        assert best[0].rating == pytest.approx(ratings[allowed].max().item())
        assert len(recommender.recommend(user, 1000, least=0)) == 300 - len(seen)
        rare = {r.item for r in recommender.recommend(user, 1000, least=100)}
        assert all(counts[recommender.items.number(item)] >= 100 for item in rare)

    def test_a_few_ratings_are_better_than_none(self):
        """The errors of predictions for users who were not in the training fall from the first."""
        table = world()[0]
        new = table.user < 60
        recommender = Recommender.fit(
            table.subset(~new), generator=generator(), penalty=3.0, **FAST
        )
        errors = []
        for count in (0, 1, 3, 10):
            squares, surprise = [], []
            for user in range(60):
                mine = table.subset(table.user == user)
                ratings = mine.values()
                names = [mine.items[item] for item in mine.item.tolist()]
                given = dict(zip(names[:count], ratings[:count].tolist(), strict=True))
                prediction = recommender.predict(given, names[10:])
                squares.append((prediction.mean - ratings[10:]) ** 2)
                p = prediction.probabilities[torch.arange(len(ratings) - 10), mine.level[10:]]
                surprise.append(-p.log())
            errors.append((torch.cat(squares).mean().item(), torch.cat(surprise).mean().item()))
        assert errors == sorted(errors, reverse=True)
        assert sorted(error[1] for error in errors) == [error[1] for error in errors[::-1]]

    def test_what_is_not_known_has_an_answer(self):
        """No history: all items as the average user has them; no item: the average of items."""
        for orientation in ("items", "users", "both"):
            recommender = trained(orientation)
            prediction = recommender.predict({}, [1, 2, "never heard of"])
            assert (prediction.mean > 0.5).all()
            assert (prediction.mean < 5).all()
            assert prediction.mean[0] != prediction.mean[1]
            assert len(recommender.recommend({}, 3)) == 3
            with pytest.raises(ValueError, match="items of the training ratings, got 'never heard"):
                recommender.predict({"never heard of": 5.0}, [1])
            sizes = len(recommender.users), len(recommender.items)
            unknown = recommender.probabilities(*(torch.tensor([size]) for size in sizes))
            torch.testing.assert_close(
                unknown, recommender.predict({}, ["never heard of"]).probabilities
            )

    def test_files(self, tmp_path):
        for orientation in ("items", "both"):
            _, test = halves(orientation)
            recommender = trained(orientation)
            recommender.save(tmp_path / "movies.pt")
            again = Recommender.load(tmp_path / "movies.pt")
            assert again.probabilities(test.user, test.item).equal(
                recommender.probabilities(test.user, test.item)
            )
            assert again.recommend(5, 3) == recommender.recommend(5, 3)
            assert repr(again) == repr(recommender)
        torch_rbm.save(torch_rbm.RBM(3, 2), tmp_path / "rbm.pt")
        with pytest.raises(ValueError, match=r"rbm.pt to be a recommender"):
            Recommender.load(tmp_path / "rbm.pt")

    @pytest.mark.parametrize("orientation", ["items", "users", "both"])
    def test_torchscript(self, orientation, tmp_path):
        recommender = trained(orientation)
        torch.jit.script(recommender.predictor).save(tmp_path / "predictor.pt")
        scripted = torch.jit.load(tmp_path / "predictor.pt")
        items, ratings = torch.tensor([3, 9, 40]), torch.tensor([4.0, 1.5, 5.0])
        asked = torch.tensor([0, 7, len(recommender.items)])
        new = {recommender.items.values[i]: r for i, r in zip([3, 9, 40], [4, 1.5, 5], strict=True)}
        expected = recommender.predict(new, [*np.array(recommender.items.values)[[0, 7]], "?"])
        torch.testing.assert_close(scripted(items, ratings, asked), expected.probabilities)
        known = scripted.known_profile(17)
        best, rating = scripted.recommend(known, scripted.seen(17), 4, 5)
        wanted = recommender.recommend(recommender.users.values[17], 4)
        assert [recommender.items.values[i] for i in best.tolist()] == [r.item for r in wanted]
        assert rating.tolist() == pytest.approx([r.rating for r in wanted])

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (
                lambda r: r.predict("nobody", [1]),
                ValueError,
                "one of the users of the training.* 'nobody'",
            ),
            (lambda r: r.predict({1: 4.2}, [1]), ValueError, "0.5, 1, .* of item 1, got 4.2"),
            (lambda r: r.predict({1: "good"}, [1]), ValueError, "ratings to be numbers, .*good"),
            (lambda r: r.recommend(1, -1), ValueError, "n >= 0, got -1"),
        ],
    )
    def test_bad_questions(self, call, error, message):
        with pytest.raises(error, match=message):
            call(trained("items"))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"orientation": "rows"}, "orientation to be one of .* got 'rows'"),
            ({"penalty": 0.0}, "penalty > 0, got 0"),
            ({"user_share": 2.0}, r"user_share in \[0, 1\], got 2"),
            ({"prior": -1.0}, "prior >= 0, got -1"),
        ],
    )
    def test_bad_options(self, split, options, message):
        with pytest.raises(ValueError, match=f"Recommender.fit: expected {message}"):
            Recommender.fit(split[0], **options)

    def test_tables_that_it_cannot_be_trained_on(self):
        with pytest.raises(TypeError, match=r"torch_rbm.RatingTable, got list"):
            Recommender.fit([1])
        clicks = RatingTable.from_arrays([1, 2], [1, 2])
        with pytest.raises(ValueError, match="two levels or more, got choices"):
            Recommender.fit(clicks)
