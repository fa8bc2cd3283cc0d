"""The estimators of scikit-learn: its own checks, and what they compute."""

import pickle

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import torch_rbm
from tests import rating_world
from torch_rbm.sklearn import RBM, DBNClassifier, DBNRegressor, RatingsRecommender


@parametrize_with_checks(
    [
        RBM(20),
        DBNClassifier((20,), pretrain_iter=2, max_iter=50),
        DBNRegressor((20,), pretrain_iter=2, max_iter=50),
        RatingsRecommender(5, n_iter=2, penalty=1.0),
    ]
)
def test_checks(estimator, check):
    try:
        check(estimator)
    except (AssertionError, ValueError) as error:
        if not (isinstance(estimator, RatingsRecommender) and of_other_columns(error)):
            raise
        pytest.skip("a case is a pair of a user and an item, and this check has other columns")


def of_other_columns(error):
    """Whether a check failed because a recommender wants two columns."""
    while error is not None:
        if "expected 2 columns, users and items" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


@pytest.fixture(scope="module")
def digits():
    pixels, classes = load_digits(return_X_y=True)
    return pixels / 16, classes


@pytest.fixture(scope="module")
def stripes():
    """States of two kinds, 400 cases of 12 units."""
    random = np.random.RandomState(0)
    kind = random.randint(2, size=(400, 1))
    return (random.uniform(size=(400, 12)) < np.where(kind, 0.9, 0.1)).astype(np.float64)


@pytest.fixture
def pair(stripes):
    fitted = BernoulliRBM(8, random_state=0, n_iter=20).fit(stripes)
    return fitted, RBM.from_sklearn(fitted)


class TestBernoulliRBM:
    def test_free_energies(self, pair, stripes):
        fitted, ours = pair
        np.testing.assert_allclose(
            ours.free_energy(stripes), fitted._free_energy(stripes), rtol=0, atol=1e-12
        )

    def test_features(self, pair, stripes):
        fitted, ours = pair
        np.testing.assert_allclose(ours.transform(stripes), fitted.transform(stripes), atol=1e-12)
        assert list(ours.get_feature_names_out()) == [f"rbm{i}" for i in range(8)]

    def test_scores_are_the_expectation_of_its_random_ones(self, pair, stripes):
        fitted, ours = pair
        draws = np.array(
            [
                fitted.set_params(random_state=seed).score_samples(stripes[:20])
                for seed in range(500)
            ]
        )
        error = draws.std(0) / np.sqrt(len(draws))
        assert (np.abs(draws.mean(0) - ours.score_samples(stripes[:20])) < 5 * error).all()

    def test_parameters_of_the_same_name(self, pair):
        fitted, ours = pair
        shared = fitted.get_params().keys() & ours.get_params().keys()
        assert shared == fitted.get_params().keys()
        for name in ("components_", "intercept_hidden_", "intercept_visible_"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(fitted, name))

    def test_refusals(self):
        with pytest.raises(TypeError, match="expected a BernoulliRBM"):
            RBM.from_sklearn(RBM())

    def test_likelihood(self, stripes):
        """After as many passes ours is the better model."""
        theirs = BernoulliRBM(8, random_state=0, n_iter=20).fit(stripes)
        ours = RBM(8, random_state=0, n_iter=20).fit(stripes)
        states = torch.from_numpy(stripes)
        found = [
            torch_rbm.log_likelihood(model.rbm_.double(), states).value
            for model in (RBM.from_sklearn(theirs), ours)
        ]
        assert found[1] > found[0]


class TestRBM:
    def test_same_seed_same_parameters(self, stripes):
        a, b, c = (RBM(8, random_state=seed).fit(stripes) for seed in (1, 1, 2))
        np.testing.assert_array_equal(a.components_, b.components_)
        assert (a.components_ != c.components_).any()

    def test_default_generator_is_left_alone(self, stripes):
        before = torch.get_rng_state()
        RBM(8, random_state=0).fit(stripes).gibbs(stripes)
        assert before.equal(torch.get_rng_state())

    def test_partial_fit_goes_on(self, stripes):
        model = RBM(8, random_state=0, batch_size=50)
        first = model.partial_fit(stripes).score(stripes)
        chains = model._loss
        for _ in range(29):
            model.partial_fit(stripes)
        assert model._loss is chains
        assert model.score(stripes) > first + 1
        again = RBM(8, random_state=0, batch_size=50)
        for i in range(30):
            again.partial_fit(stripes)
            if i == 12:
                again = pickle.loads(pickle.dumps(again))
        np.testing.assert_array_equal(again.components_, model.components_)

    def test_sparse_states(self, stripes):
        matrix = scipy.sparse.csr_matrix(stripes)
        dense, sparse = RBM(8, random_state=0).fit(stripes), RBM(8, random_state=0).fit(matrix)
        np.testing.assert_allclose(dense.components_, sparse.components_, atol=1e-4)
        for name in ("transform", "score_samples", "free_energy"):
            of_dense, of_sparse = (getattr(dense, name)(data) for data in (stripes, matrix))
            np.testing.assert_allclose(of_dense, of_sparse, rtol=1e-5)

    def test_gibbs_steps_stay_at_the_model(self, stripes):
        model = RBM(4, random_state=0, n_iter=30).fit(stripes)
        states = model.gibbs(np.repeat(stripes, 20, 0), steps=3)
        assert set(np.unique(states)) == {0.0, 1.0}
        _, _, expected, _ = model.rbm_.moments()
        error = 0.5 / np.sqrt(len(stripes))
        assert (np.abs(states.mean(0) - expected.detach().numpy()) < 5 * error + 0.05).all()

    def test_real_data_need_no_standardising(self):
        """The density of data that were moved and stretched is that of the data, by the scale."""
        random = np.random.RandomState(0)
        data = random.normal(size=(500, 3)) @ random.normal(size=(3, 5))
        scale, shift = np.array([1, 10, 0.1, 5, 1]), np.array([100, 0, -1, 1000, 5])
        plain, moved = (RBM(4, random_state=0).fit(rows) for rows in (data, data * scale + shift))
        likelihoods = [
            torch_rbm.log_likelihood(model.rbm_, torch.from_numpy(rows)).value
            for model, rows in ((plain, data), (moved, data * scale + shift))
        ]
        assert likelihoods[1] == pytest.approx(likelihoods[0] - np.log(scale).sum(), abs=1e-3)
        np.testing.assert_allclose(
            moved.transform(data * scale + shift), plain.transform(data), atol=1e-4
        )

    def test_pictures_in_a_pipeline(self, digits):
        pixels, classes = digits
        model = make_pipeline(
            RBM(64, n_iter=20, binarize=True, random_state=0), LogisticRegression(max_iter=1000)
        )
        model.set_output(transform="default")
        assert cross_val_score(model, pixels, classes, cv=3).mean() > 0.9

    def test_data_frames(self, stripes):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(stripes, columns=[f"unit {i}" for i in range(12)])
        features = RBM(3, random_state=0).set_output(transform="pandas").fit_transform(frame)
        assert list(features.columns) == ["rbm0", "rbm1", "rbm2"]

    def test_search(self, stripes):
        search = GridSearchCV(RBM(random_state=0), {"n_components": [1, 4]}, cv=3).fit(stripes)
        assert search.best_params_["n_components"] in (1, 4)
        assert np.isfinite(search.best_score_)

    def test_data_that_units_cannot_have(self, stripes):
        with pytest.raises(ValueError, match="expected data"):
            RBM(3, visible_units="bernoulli").fit(2 * stripes)


class TestDBN:
    def test_classifier(self, digits):
        pixels, classes = digits
        names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "8", "9"])
        model = DBNClassifier((100,), random_state=0, early_stopping=True)
        state = torch.get_rng_state()
        model.fit(pixels[:1200], names[classes[:1200]])
        assert state.equal(torch.get_rng_state())
        assert model.score(pixels[1200:], names[classes[1200:]]) > 0.9
        again = clone(model).fit(pixels[:1200], names[classes[:1200]])
        np.testing.assert_array_equal(
            again.predict_proba(pixels), pickle.loads(pickle.dumps(model)).predict_proba(pixels)
        )
        assert model.n_iter_ <= 50

    def test_probabilities(self, digits):
        pixels, classes = digits
        model = DBNClassifier((20,), random_state=0, max_iter=5).fit(pixels, classes)
        probabilities = model.predict_proba(pixels)
        np.testing.assert_allclose(probabilities.sum(1), 1)
        np.testing.assert_allclose(np.log(probabilities), model.predict_log_proba(pixels))
        np.testing.assert_array_equal(model.predict(pixels), probabilities.argmax(1))

    def test_pretraining_helps_where_labels_are_few(self, digits):
        pixels, classes = digits
        options = {"hidden_layer_sizes": (100,), "random_state": 0, "max_iter": 10}
        model = DBNClassifier(**options).fit(pixels[:100], classes[:100])
        none = DBNClassifier(**options, pretrain_iter=0).fit(pixels[:100], classes[:100])
        assert model.score(pixels[100:], classes[100:]) > none.score(pixels[100:], classes[100:])

    def test_sparse_states(self, stripes):
        classes = stripes.sum(1) > 6
        model = DBNClassifier((10,), random_state=0, pretrain_iter=20, max_iter=20)
        dense = model.fit(stripes, classes).predict_proba(stripes)
        matrix = scipy.sparse.csr_matrix(stripes)
        sparse = clone(model).fit(matrix, classes).predict_proba(matrix)
        np.testing.assert_allclose(dense, sparse, atol=0.01)

    def test_regressor(self):
        data, targets = load_diabetes(return_X_y=True, scaled=False)
        both = np.stack([targets, -10 * targets + 5], 1)
        model = DBNRegressor((20,), random_state=0, pretrain_iter=10, max_iter=50)
        assert cross_val_score(model, data, targets, cv=3).mean() > 0.4
        found = model.fit(data, both).predict(data)
        assert found.shape == both.shape
        assert model.score(data, both) > 0.45


@pytest.fixture
def ratings():
    table = rating_world.world()[0]
    pairs = np.stack([table.users[table.user], table.items[table.item]], 1)
    return pairs, table.values().numpy()


class TestRecommender:
    def test_search(self, ratings):
        """The measure is one of ratings that were held out."""
        search = GridSearchCV(
            RatingsRecommender(10, n_iter=10, penalty=1.0, random_state=0),
            {"orientation": ["items", "users"]},
            scoring="neg_root_mean_squared_error",
            cv=3,
        ).fit(*ratings)
        assert -search.best_score_ < ratings[1].std()

    def test_it_is_the_recommender(self, ratings):
        pairs, values = ratings
        model = RatingsRecommender(10, n_iter=5, random_state=0).fit(pairs, values)
        user = pairs[0, 0]
        expected = model.recommender_.predict(user, pairs[:10, 1]).mean
        asked = np.stack([np.full(10, user), pairs[:10, 1]], 1)
        np.testing.assert_allclose(model.predict(asked), expected, rtol=1e-5)
        assert len(model.recommend(user, 3)) == 3
        assert np.isfinite(model.predict([[10**6, 10**6]])).all()

    def test_what_estimators_are_checked_for(self, ratings):
        """With two columns, which scikit-learn's checks do not have."""
        pairs, values = ratings
        model = RatingsRecommender(5, n_iter=2, penalty=1.0, random_state=0).fit(pairs, values)
        before = vars(model).copy()
        found = model.predict(pairs)
        assert vars(model) == before
        assert model.n_features_in_ == 2
        order = np.random.RandomState(0).permutation(len(pairs))
        np.testing.assert_allclose(model.predict(pairs[order]), found[order], atol=1e-7)
        single = [model.predict(pairs[i : i + 1])[0] for i in range(20)]
        np.testing.assert_allclose(single, found[:20], atol=1e-7)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(pairs), found)
        np.testing.assert_array_equal(clone(model).fit(pairs, values).predict(pairs), found)
        for columns in (pairs[:, :1], np.hstack([pairs, pairs])):
            with pytest.raises(ValueError, match="2 "):
                clone(model).fit(columns, values)
            with pytest.raises(ValueError, match="expecting 2 features"):
                model.predict(columns)

    def test_names_are_strings(self, ratings):
        pairs, values = ratings
        names = np.char.add("name ", pairs.astype(str)).astype(object)
        model = RatingsRecommender(5, n_iter=2, penalty=1.0, random_state=0).fit(names, values)
        plain = RatingsRecommender(5, n_iter=2, penalty=1.0, random_state=0)
        assert model.predict(names).std() > 0
        assert plain.fit(pairs, values).predict(pairs).shape == values.shape

    def test_a_pair_that_comes_twice(self, ratings):
        pairs, _ = ratings
        with pytest.raises(ValueError, match="expected one rating of an item by a user"):
            RatingsRecommender().fit(pairs[[0, 0, 1]], [1.0, 2.0, 3.0])
