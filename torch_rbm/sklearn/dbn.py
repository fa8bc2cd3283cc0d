"""Deep belief nets as a classifier and a regressor of scikit-learn."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

import torch_rbm
from torch_rbm.sklearn.conversion import FLOATS, Array, seeded, to_tensor, units_for
from torch_rbm.sparse import select_rows
from torch_rbm.standardization import Standardization
from torch_rbm.training.factories import adam, sgd
from torch_rbm.units import Units, UnitsLike


class _DeepBeliefNet(BaseEstimator):  # type: ignore[misc]
    """What a classifier and a regressor have in common: pretraining, then backpropagation."""

    net_: nn.Sequential

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (256, 256),
        *,
        visible_units: UnitsLike = "auto",
        pretrain_iter: int | None = None,
        pretrain_learning_rate: float | None = None,
        learning_rate_init: float = 0.003,
        max_iter: int | None = None,
        batch_size: int | None = None,
        alpha: float = 0.0,
        dropout: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.visible_units = visible_units
        self.pretrain_iter = pretrain_iter
        self.pretrain_learning_rate = pretrain_learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.alpha = alpha
        self.dropout = dropout
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def _train(self, X: Any, targets: Tensor, outputs: int, classes: Array | None = None) -> None:
        random = check_random_state(self.random_state)
        units = units_for(self, self.visible_units, X)
        data = to_tensor(X)
        standardization = Standardization.of(data, units)
        data = standardization.apply(data)
        held_out = None
        if self.early_stopping:
            rows, held = self._split(len(targets), classes, random)
            held_out = select_rows(data, held), targets[held]
            data, targets = select_rows(data, rows), targets[rows]
        options: dict[str, Any] = {
            "batch_size": self.batch_size,
            "progress": bool(self.verbose),
        }
        with seeded(random):
            net = self._pretrained(data, units, options).classifier(outputs, dropout=self.dropout)
            history = torch_rbm.fine_tune(
                net,
                data,
                targets,
                epochs=self.max_iter,
                optimizer=functools.partial(adam, lr=self.learning_rate_init),
                weight_decay=self.alpha,
                validation=held_out,
                patience=self.n_iter_no_change if self.early_stopping else None,
                **options,
            )
        standardization.take_raw_data(_linear_layers(net)[0])
        self.net_, self.n_iter_ = net, len(history.epochs)

    def _split(
        self, cases: int, classes: Array | None, random: np.random.RandomState
    ) -> tuple[Tensor, Tensor]:
        """The numbers of cases for the training, and of those that are held out."""
        train, held_out = train_test_split(
            np.arange(cases),
            test_size=self.validation_fraction,
            random_state=random,
            stratify=classes,
        )
        return torch.from_numpy(train), torch.from_numpy(held_out)

    def _pretrained(self, data: Tensor, units: Units, options: dict[str, Any]) -> torch_rbm.DBN:
        dbn = torch_rbm.DBN(
            [units.size, *self.hidden_layer_sizes],
            units=[units.as_argument(), *["bernoulli"] * len(self.hidden_layer_sizes)],
        )
        torch_rbm.initialize(dbn.layers[0], data)
        rate = self.pretrain_learning_rate
        dbn.pretrain(
            data,
            epochs=self.pretrain_iter,
            optimizer=None if rate is None else functools.partial(sgd, lr=rate),
            **options,
        )
        return dbn

    def _outputs(self, X: Any) -> tuple[Tensor, Any]:
        """What the net returns for data, and the dtype that users gave them in."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        with torch.no_grad():
            return self.net_(to_tensor(X)), X.dtype


class DBNClassifier(ClassifierMixin, _DeepBeliefNet):  # type: ignore[misc]
    """A classifier that starts from a deep belief net (Hinton and Salakhutdinov 2006).

    Layers of Bernoulli units are pretrained one after the other, without labels, then trained
    together by backpropagation.

    Args:
        hidden_layer_sizes: units of each hidden layer from below.
        visible_units: what the visible units are; see :class:`torch_rbm.RBM`. "auto" takes
            "bernoulli" for data in [0, 1], of which grey values are probabilities, and "gaussian"
            for others, which are standardised.
        pretrain_iter: passes over the data for each layer; 0 for no pretraining, and when None as
            many as :func:`torch_rbm.fit` makes, 5,000 updates at least.
        pretrain_learning_rate: of the first update; when None 0.2, but 0.5 / √n at most in a layer
            of n gaussian units.
        learning_rate_init: of Adam, falling to zero.
        max_iter: passes over the data in backpropagation; likewise.
        batch_size: cases of a minibatch; when None 100, a hundredth of all but 10 at least where
            there are fewer than 10,000.
        alpha: weight decay in backpropagation.
        dropout: share of the hidden units that are left out in backpropagation.
        early_stopping: end it where the error of some cases, which are left out of the training
            for this, does not fall.
        validation_fraction: how many cases.
        n_iter_no_change: after how many passes without a better error.
        verbose: show progress bars.
        random_state: seed or source of random numbers.

    Attributes:
        net_: the trained net, data to logits, an ``nn.Sequential``.
        classes_: the classes.
        n_iter_: passes of backpropagation.
        n_features_in_: number of features of the training data.
        feature_names_in_: their names, where they have some.
    """

    def fit(self, X: Any, y: Any) -> DBNClassifier:
        """Train on data, [n_samples, n_features], an array or a sparse matrix, and their classes.

        Raises:
            TypeError, ValueError: data or a parameter are not as described.
            FloatingPointError: training diverged; a learning rate is too high.
        """
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=FLOATS)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        self._train(X, torch.from_numpy(numbers), len(self.classes_), numbers)
        return self

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each case."""
        logits, _ = self._outputs(X)
        return np.asarray(self.classes_[logits.argmax(1).numpy()])

    def predict_proba(self, X: Any) -> Array:
        """Return p(class), [n_samples, classes]."""
        logits, dtype = self._outputs(X)
        return logits.double().softmax(1).numpy().astype(dtype, copy=False)

    def predict_log_proba(self, X: Any) -> Array:
        """Return log p(class), [n_samples, classes]."""
        logits, dtype = self._outputs(X)
        return logits.double().log_softmax(1).numpy().astype(dtype, copy=False)


class DBNRegressor(RegressorMixin, _DeepBeliefNet):  # type: ignore[misc]
    """A regression net that starts from a deep belief net (Hinton and Salakhutdinov 2006).

    Layers of Bernoulli units are pretrained one after the other, without targets, then trained
    together by backpropagation of the squared error. Targets are standardised for that.

    Parameters are those of :class:`DBNClassifier`.

    Attributes:
        net_: the trained net, data to targets, an ``nn.Sequential``.
        n_iter_: passes of backpropagation.
        n_features_in_: number of features of the training data.
        feature_names_in_: their names, where they have some.
    """

    def fit(self, X: Any, y: Any) -> DBNRegressor:
        """Train on data, [n_samples, n_features], an array or a sparse matrix, and targets.

        Args:
            X: the data.
            y: real values, [n_samples] or [n_samples, targets].

        Raises:
            TypeError, ValueError: data or a parameter are not as described.
            FloatingPointError: training diverged; a learning rate is too high.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=FLOATS, multi_output=True, y_numeric=True
        )
        self._targets = y.ndim
        targets = to_tensor(y.reshape(len(y), -1))
        units = Units("DBNRegressor", "targets", "gaussian", targets.shape[1])
        standardization = Standardization.of(targets, units)
        self._train(X, standardization.apply(targets), units.size)
        standardization.give_raw_data(_linear_layers(self.net_)[-1])
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> Array:
        """Return the expected targets, [n_samples] or [n_samples, targets] as in training."""
        values, dtype = self._outputs(X)
        result = values.numpy().astype(dtype, copy=False)
        return result[:, 0] if self._targets == 1 else result


def _linear_layers(net: nn.Sequential) -> list[nn.Linear]:
    return [module for module in net if isinstance(module, nn.Linear)]
