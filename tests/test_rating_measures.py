"""Measures of predicted ratings and rankings, splits, and baselines."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from torch_rbm.ratings import RatingTable
from torch_rbm.ratings.evaluation.baselines import GlobalMean, Popularity, UserItemBiases
from torch_rbm.ratings.evaluation.evaluate import evaluate
from torch_rbm.ratings.evaluation.measures import (
    calibration,
    mean_absolute_error,
    mean_negative_log_likelihood,
    ranking,
    root_mean_squared_error,
)
from torch_rbm.ratings.tables.splits import k_fold, leave_last_out, random_split
from torch_rbm.ratings.tables.synthetic import synthetic_ratings


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small_table():
    return synthetic_ratings(60, 40, 900, generator=generator())[0]


class TestMeasures:
    def test_errors(self):
        a, b = torch.randn(50, generator=generator()), torch.randn(50, generator=generator(1))
        assert root_mean_squared_error(a, b) == pytest.approx(
            metrics.mean_squared_error(b.double(), a.double()) ** 0.5
        )
        assert mean_absolute_error(a, b) == pytest.approx(
            metrics.mean_absolute_error(b.double(), a.double())
        )

    def test_likelihood(self):
        p = torch.rand(50, 4, generator=generator(), dtype=torch.float64).softmax(1)
        level = torch.randint(4, (50,), generator=generator())
        expected = metrics.log_loss(level.numpy(), p.numpy(), labels=range(4))
        assert mean_negative_log_likelihood(p, level) == pytest.approx(expected)

    def test_calibration_of_the_truth_and_of_too_much_confidence(self):
        p = torch.rand(40_000, 3, generator=generator()).mul(2).softmax(1).double()
        level = torch.multinomial(p, 1, generator=generator()).squeeze(1)
        honest = calibration(p, level, bins=10)
        assert int(honest.count.sum()) == 3 * len(p)
        # Every bin is within five standard errors.
        error = (honest.observed * (1 - honest.observed) / honest.count).sqrt()
        gap = (honest.predicted - honest.observed).abs()
        assert (gap <= 5 * error).logical_or(honest.count < 50).all()
        assert honest.error < 0.01
        bold = (p.log() * 3).softmax(1)
        assert calibration(bold, level, bins=10).error > 0.1

    def test_ranking(self):
        """Three users: two of three wanted in the list; none; and one that wants nothing."""
        lists = torch.tensor([[4, 2, 0], [1, 3, -1], [0, 1, 2]])
        crow, wanted = torch.tensor([0, 3, 4, 4]), torch.tensor([0, 4, 9, 7])
        measured = ranking(lists, crow, wanted, 10)
        gain = 1 + 1 / math.log2(4)
        best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
        assert measured.ndcg == pytest.approx((gain / best + 0) / 2)
        assert measured.recall == pytest.approx((2 / 3 + 0) / 2)
        assert measured.coverage == pytest.approx(5 / 10)

    def test_gain_of_sklearn(self):
        scores = torch.rand(20, 15, generator=generator())
        wanted = torch.rand(20, 15, generator=generator(1)) < 0.3
        wanted[:, 0] = True
        crow = torch.nn.functional.pad(wanted.sum(1).cumsum(0), (1, 0))
        lists = scores.topk(5).indices
        expected = metrics.ndcg_score(wanted.numpy(), scores.numpy(), k=5)
        assert ranking(lists, crow, wanted.nonzero()[:, 1], 15).ndcg == pytest.approx(expected)


class TestSplits:
    def test_random(self):
        table = small_table()
        train, test = random_split(table, 0.2, generator())
        assert len(test) == 180
        assert pairs(train) | pairs(test) == pairs(table)
        assert not pairs(train) & pairs(test)
        with pytest.raises(ValueError, match="ratings on both sides, got 1"):
            random_split(table, 1.0)

    def test_folds(self):
        table = small_table()
        tests = []
        for train, test in k_fold(table, 7, generator()):
            assert pairs(train) | pairs(test) == pairs(table)
            assert not pairs(train) & pairs(test)
            tests.append(pairs(test))
        assert len(tests) == 7
        assert sum(len(test) for test in tests) == len(table) == len(set.union(*tests))

    @pytest.mark.parametrize("count", [1, 3])
    def test_the_last_of_each_user(self, count):
        table = small_table()
        train, test = leave_last_out(table, count)
        assert len(train) + len(test) == len(table)
        for user in range(60):
            before = train.time[train.user == user]
            after = test.time[test.user == user]
            total = len(before) + len(after)
            assert len(after) == min(count, max(total - 1, 0))
            if len(after) > 0:
                assert before.max() < after.min()

    def test_without_times(self):
        table = RatingTable.from_arrays([1, 2], [1, 2], [1, 2])
        with pytest.raises(ValueError, match="expected ratings with times"):
            leave_last_out(table)


class TestBaselines:
    def test_biases_solve_their_normal_equations(self):
        table = small_table()
        rater = UserItemBiases(table, penalty=2.0)
        users, items = np.meshgrid(range(60), range(40), indexing="ij")
        design = torch.zeros(len(table), 100, dtype=torch.float64)
        rows = torch.arange(len(table))
        design[rows, table.user] = 1
        design[rows, 60 + table.item] = 1
        rest = table.values() - table.values().mean()
        solution = torch.linalg.solve(design.T @ design + 2 * torch.eye(100), design.T @ rest)
        expected = table.values().mean() + solution[users.ravel()] + solution[60 + items.ravel()]
        given = rater.expected(torch.from_numpy(users).ravel(), torch.from_numpy(items).ravel())
        torch.testing.assert_close(given, expected, atol=1e-4, rtol=0)
        unknown = rater.expected(torch.tensor([60]), torch.tensor([40]))
        assert unknown.item() == pytest.approx(table.values().mean().item())

    def test_popularity(self):
        table = small_table()
        counts = torch.bincount(table.item, minlength=40)
        rater = Popularity(table)
        mine = table.item[table.user == 3]
        top = rater.top(3, 10)
        assert not torch.isin(top, mine).any()
        rest = torch.tensor([i for i in range(40) if i not in mine.tolist()])
        assert counts[top].tolist() == counts[rest].sort(descending=True).values[:10].tolist()
        assert len(rater.top(3, 40)) == 40 - len(mine)

    def test_frequencies(self):
        table = small_table()
        train, test = random_split(table, 0.2, generator())
        scores = evaluate(GlobalMean(train), test)
        mean = train.values().mean()
        assert scores.rmse == pytest.approx(((test.values() - mean) ** 2).mean().sqrt().item())
        frequency = torch.bincount(train.level, minlength=10).double() / len(train)
        assert scores.nll == pytest.approx(-frequency[test.level].log().mean().item())
        assert scores.ndcg is None


class TestEvaluation:
    def test_ratings_of_the_training_are_refused(self):
        """Also under other numbers: names are what counts."""
        table = small_table()
        train, test = random_split(table, 0.2, generator())
        leaked = test.subset(torch.arange(5))
        user, item = int(train.users[train.user[7]]), int(train.items[train.item[7]])
        again = RatingTable.from_arrays(
            [user, 99], [item, 99], [float(train.values()[7]), 1.0], scale=table.scale.tolist()
        )
        evaluate(GlobalMean(train), leaked)
        with pytest.raises(ValueError, match=f"got 1 that were, .*item {item} by user {user}"):
            evaluate(GlobalMean(train), again)

    def test_unknown_users_and_items_count(self):
        train, _ = random_split(small_table(), 0.2, generator())
        test = RatingTable.from_arrays(["new", 1], [1000, "new"], [2.0, 4.0])
        expected = GlobalMean(train)
        scores = evaluate(expected, test, k=3)
        mean = train.values().mean().item()
        assert scores.mae == pytest.approx((abs(2 - mean) + abs(4 - mean)) / 2)
        assert scores.recall == 0

    def test_ratings_off_the_scale(self):
        train, _ = random_split(small_table(), 0.2, generator())
        test = RatingTable.from_arrays([1, 1], [1000, 1001], [2.0, 3.7])
        with pytest.raises(
            ValueError, match=r"ratings of the scale .* in rating 1 of the test, got 3.7"
        ):
            evaluate(GlobalMean(train), test)


def pairs(table):
    return set(zip(table.user.tolist(), table.item.tolist(), strict=True))
