"""Recommenders: from ratings or choices to predictions, files and TorchScript."""

import functools

import numpy as np
import pytest
import torch
from scipy import optimize

import torch_rbm
from torch_rbm.ratings import (
    CaseModel,
    GlobalMean,
    ImplicitRecommender,
    Popularity,
    Ratings,
    RatingTable,
    Recommender,
    UserItemBiases,
    evaluate,
    fit_ratings,
    leave_last_out,
    random_split,
    synthetic_ratings,
)
from torch_rbm.ratings.recommenders.readout import fit_readout


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@functools.cache
def world():
    """Ratings that have more to them than biases, and the model that they come from."""
    return synthetic_ratings(200, 300, 20_000, generator=generator())


def exchanged(table):
    """The same ratings with items in the place of users."""
    return RatingTable.from_arrays(
        table.items[table.item],
        table.users[table.user],
        table.values().numpy(),
        scale=table.scale.tolist(),
    )


@functools.cache
def halves(orientation="items"):
    """Training and test ratings whose model has such cases."""
    table = exchanged(world()[0]) if orientation == "users" else world()[0]
    return random_split(table, 0.2, generator(1))


@pytest.fixture
def split():
    return (*halves(), world()[1])


FAST = {"hidden": 10, "epochs": 60, "batch_size": 30, "progress": False}


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


def predicted_by(truth, train, test):
    query = test.by_item()
    p = truth.predict(*train.by_item(), query.crow, query.items).double()
    rmse = ((p @ test.scale - test.scale[query.levels]) ** 2).mean().sqrt().item()
    return rmse, -p[torch.arange(len(p)), query.levels].log().mean().item()


class TestReadout:
    def test_is_the_minimum(self):
        """Against a general optimizer."""
        features = torch.rand(30, 4, generator=generator(), dtype=torch.float64)
        levels = torch.randint(3, (30,), generator=generator())
        prior = torch.randn(3, 4, generator=generator(), dtype=torch.float64)
        penalty = torch.tensor([0.5, 1.0, 2.0, 0.1], dtype=torch.float64)

        def value(flat):
            weight = torch.tensor(flat).view(3, 4).requires_grad_()
            nll = torch.nn.functional.cross_entropy(features @ weight.t(), levels, reduction="sum")
            total = nll + 0.5 * (penalty * (weight - prior) ** 2).sum()
            total.backward()
            return total.item(), weight.grad.flatten().numpy()

        best = optimize.minimize(value, np.zeros(12), jac=True, options={"gtol": 1e-10})
        weight = fit_readout(features, levels, prior, penalty, 500)
        torch.testing.assert_close(
            weight, torch.from_numpy(best.x).view(3, 4), atol=1e-6, rtol=1e-6
        )

    def test_every_step_goes_down(self):
        features = 3 * torch.randn(20, 5, generator=generator(), dtype=torch.float64)
        levels = torch.randint(4, (20,), generator=generator())
        prior, penalty = torch.zeros(4, 5).double(), torch.full((5,), 0.1).double()
        values = []
        for steps in range(8):
            weight = fit_readout(features, levels, prior, penalty, steps)
            nll = torch.nn.functional.cross_entropy(features @ weight.t(), levels, reduction="sum")
            values.append((nll + 0.5 * (penalty * weight**2).sum()).item())
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.75 * values[0]

    def test_without_ratings_it_is_the_prior(self):
        prior = torch.randn(3, 4, generator=generator())
        nothing = torch.zeros(0, dtype=torch.int64)
        assert fit_readout(torch.zeros(0, 4), nothing, prior, torch.ones(4)).equal(prior)


class TestCaseModel:
    def test_a_unit_does_not_read_its_own_rating(self):
        """The features that a readout is found from are those without the unit's rating."""
        cases, units = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 0, 1, 2])
        levels = torch.tensor([2, 0, 1, 1, 2, 0])
        model = CaseModel(3, 3, 3, 4, dtype=torch.float64)
        with torch.no_grad():
            for parameter in model.rbm.parameters():
                parameter.normal_(generator=generator())
        ratings = Ratings.of(cases, units, levels, 3)
        model.read_out(ratings, 2.0)
        for unit in range(3):
            mine = units == unit
            rows = []
            for case in cases[mine].tolist():
                other = (cases == case) & ~mine
                count = int(other.sum())
                crow = torch.tensor([0, count])
                mean = model.rbm(crow, units[other], levels[other])[0].detach()
                rise = (levels[other] - model.quality.unit_mean[units[other]]).sum()
                quality = rise / (count + 3) / model.quality.spread
                rows.append(torch.cat([mean, quality.view(1), torch.ones(1)]))
            features = torch.stack(rows)
            above = levels[mine] - model.quality.mean
            rest = (above.sum() - above) / (len(above) - 1 + 3) / model.quality.spread
            features = torch.cat([features, rest.unsqueeze(1)], 1)
            weight = fit_readout(features, levels[mine], model.common, model.penalty)
            generosity = above.sum() / (len(above) + 3) / model.quality.spread
            weight[:, -2] += weight[:, -1] * generosity
            torch.testing.assert_close(model.readout[unit], weight[:, :-1])

    def test_a_missing_mask_that_is_broken_is_visibly_worse(self, split):
        """What is missing taken for the lowest rating, as many programs do."""
        train, test, _ = split
        level = torch.zeros(200, 300, dtype=torch.int64)
        level[train.user, train.item] = train.level
        user, item = torch.meshgrid(torch.arange(200), torch.arange(300), indexing="ij")
        broken = Ratings.of(user.flatten(), item.flatten(), level.flatten(), 200)
        errors = []
        for ratings in (train.by_item(), broken.transposed(300)):
            model = CaseModel(300, 200, 10, 12)
            options = {"epochs": 30, "batch_size": 30, "generator": generator(), "progress": False}
            model.fit(ratings, **options)
            model.read_out(ratings, 5.0)
            expected = model.probabilities(test.item, test.user).double() @ test.scale
            errors.append((expected - test.values()).square().mean().sqrt().item())
        spread = test.values().std().item()
        assert errors[0] < 0.9 * spread
        assert errors[1] > 1.2 * spread


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

    def test_what_is_not_known_has_an_answer(self):
        """No history: all items as the average user has them; no item: the average of items."""
        for orientation in ("items", "users", "both"):
            recommender = trained(orientation)
            prediction = recommender.predict({}, [1, 2, "never heard of"])
            assert (prediction.mean > 0.5).all()
            assert (prediction.mean < 5).all()
            assert prediction.mean[0] != prediction.mean[1]
            assert len(recommender.recommend({}, 3)) == 3
            odd = recommender.predict({"never heard of": 5.0}, [1])
            assert 0.5 < odd.mean[0] < 5
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
            (lambda r: r.predict("nobody", [1]), ValueError, "a user of the training.* 'nobody'"),
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
        assert recommender.recommend(["never heard of"], 5) == recommender.recommend([], 5)
        assert len(recommender.recommend(user, 100)) == 40 - len(mine)

    def test_files(self, tmp_path):
        recommender = self.fitted()
        recommender.save(tmp_path / "clicks.pt")
        again = ImplicitRecommender.load(tmp_path / "clicks.pt")
        assert again.recommend([1], 3) == recommender.recommend([1], 3)
        assert repr(again) == repr(recommender)


class TestFitRatings:
    def model(self, split):
        train, _, _ = split
        rbm = torch_rbm.RatingsRBM(200, 10, 6)
        rbm.reset_parameters(generator())
        rbm.initialize(train.by_item())
        return rbm

    def test_validation_is_predicted_from_the_training_ratings(self, split):
        train, test, _ = split
        rbm = self.model(split)
        history = fit_ratings(
            rbm,
            train.by_item(),
            epochs=60,
            batch_size=30,
            scale=train.scale.tolist(),
            validation=test.by_item(),
            generator=generator(),
            progress=False,
        )
        errors = [epoch.validation_rmse for epoch in history.epochs]
        assert errors[-1] < errors[0] - 0.05
        rmse, nll = predicted_by(rbm, train, test)
        assert errors[-1] == pytest.approx(rmse)
        assert history.epochs[-1].validation_nll == pytest.approx(nll)

    def test_it_goes_on_bit_for_bit(self, split, tmp_path):
        train, _, _ = split

        class Stop(torch_rbm.Callback):
            def on_epoch(self, module, epoch):
                if epoch.epoch == 3:
                    raise KeyboardInterrupt

        def run(callbacks, checkpoint):
            rbm = self.model(split)
            fit_ratings(
                rbm,
                train.by_item(),
                epochs=6,
                batch_size=50,
                steps={1: 1, 3: 2, 5: 3},
                callbacks=callbacks,
                checkpoint=checkpoint,
                checkpoint_seconds=0,
                generator=generator(),
                progress=False,
            )
            return list(rbm.parameters())

        whole = run([], None)
        with pytest.raises(KeyboardInterrupt):
            run([Stop()], tmp_path / "run.pt")
        again = run([], tmp_path / "run.pt")
        assert all(a.equal(b) for a, b in zip(whole, again, strict=True))

    def test_the_schedule_of_steps(self, split):
        train, _, _ = split
        seen = []

        class Loss(torch_rbm.RatingsContrastiveDivergence):
            def forward(self, ratings, generator=None):
                seen.append(self.steps)
                return super().forward(ratings, generator)

        fit_ratings(
            self.model(split),
            train.by_item(),
            epochs=5,
            batch_size=300,
            loss=Loss,
            steps={2: 3, 4: 5},
            progress=False,
        )
        assert seen == [1, 3, 3, 5, 5]

    def test_biases_do_not_decay(self, split):
        train, _, _ = split
        rbm = self.model(split)
        before = rbm.visible_bias.detach().clone()

        class Nothing(torch.nn.Module):
            def __init__(self, rbm):
                super().__init__()
                self.rbm = rbm

            def forward(self, ratings, generator=None):
                return sum((0 * p).sum() for p in self.rbm.parameters())

        fit_ratings(
            rbm,
            train.by_item(),
            epochs=3,
            loss=Nothing,
            weight_decay=0.5,
            optimizer=functools.partial(torch.optim.SGD, lr=0.5),
            progress=False,
        )
        assert rbm.visible_bias.equal(before)
        assert rbm.weight.abs().max() < 0.02

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"validation": Ratings(torch.zeros(3).long(), *2 * [torch.zeros(0).long()])},
                ValueError,
                "validation ratings of the same 300 cases, got 2",
            ),
            ({"scale": [1.0, 2.0]}, ValueError, "a rating for each of 10 levels"),
            ({"patience": 2}, ValueError, "validation data with patience"),
            ({"steps": {1: 0}}, ValueError, "steps >= 1, got 0"),
            ({"loss": 3}, TypeError, "loss to be a class or function"),
        ],
    )
    def test_bad_options(self, split, options, error, message):
        with pytest.raises(error, match=f"fit_ratings: expected .*{message}"):
            fit_ratings(self.model(split), split[0].by_item(), progress=False, **options)
