"""The RBM as a transformer of scikit-learn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.neural_network import BernoulliRBM
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

import torch_rbm
from torch_rbm.sklearn.conversion import (
    FLOATS,
    Array,
    seeded,
    to_dense,
    to_tensor,
    units_for,
)
from torch_rbm.standardization import Standardization
from torch_rbm.training.factories import default_optimizer
from torch_rbm.units import UnitsLike
from torch_rbm.validation import words


class RBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An RBM that maps data to E[h | v], in the place of ``sklearn.neural_network.BernoulliRBM``.

    Parameters of the same name mean the same. The training is centred persistent contrastive
    divergence (Tieleman 2008; Melchior, Fischer and Wiskott 2016) with a learning rate that falls
    to zero, and the average of its last parameters.

    Args:
        n_components: number of hidden units.
        learning_rate: of the first update; when None 0.2, but 0.5 / √n at most for n gaussian or
            relu visible units.
        batch_size: cases of a minibatch.
        n_iter: passes over the data.
        n_chains: number of persistent chains.
        n_steps: Gibbs steps of the chains for each update.
        visible_units: what the visible units are; see :class:`torch_rbm.RBM`. "auto" takes
            "bernoulli" for data in [0, 1], of which grey values are probabilities, and "gaussian"
            for others, with precisions that are learned.
        hidden_units: what the hidden units are.
        weight_decay: of the weights.
        binarize: draw states from grey values anew for each batch.
        verbose: show a progress bar.
        random_state: seed or source of random numbers.

    Attributes:
        rbm_: the trained :class:`torch_rbm.RBM`.
        components_: its weights, [n_components, n_features].
        intercept_hidden_: its hidden biases, [n_components].
        intercept_visible_: its visible biases, [n_features].
        n_features_in_: number of features of the training data.
        feature_names_in_: their names, where they have some.
    """

    rbm_: torch_rbm.RBM
    _model: torch_rbm.RBM
    _standardization: Standardization
    _loss: nn.Module | None
    _optimizer: torch.optim.Optimizer | None

    def __init__(
        self,
        n_components: int = 256,
        *,
        learning_rate: float | None = None,
        batch_size: int = 10,
        n_iter: int = 10,
        n_chains: int = 100,
        n_steps: int = 1,
        visible_units: UnitsLike = "auto",
        hidden_units: UnitsLike = "bernoulli",
        weight_decay: float = 0.0,
        binarize: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.n_chains = n_chains
        self.n_steps = n_steps
        self.visible_units = visible_units
        self.hidden_units = hidden_units
        self.weight_decay = weight_decay
        self.binarize = binarize
        self.verbose = verbose
        self.random_state = random_state

    @classmethod
    def from_sklearn(cls, fitted: BernoulliRBM) -> RBM:
        """Make one with the parameters, and so the free energies, of a fitted ``BernoulliRBM``.

        Raises:
            TypeError: ``fitted`` is no ``BernoulliRBM``.
            sklearn.exceptions.NotFittedError: it is not fitted.
        """
        if not isinstance(fitted, BernoulliRBM):
            raise TypeError(f"RBM.from_sklearn: expected a BernoulliRBM, got {words(fitted)}")
        check_is_fitted(fitted)
        result = cls(
            fitted.n_components,
            learning_rate=fitted.learning_rate,
            batch_size=fitted.batch_size,
            n_iter=fitted.n_iter,
            verbose=fitted.verbose,
            random_state=fitted.random_state,
        )
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(fitted, name):
                setattr(result, name, getattr(fitted, name))
        weight = torch.from_numpy(np.array(fitted.components_))
        hidden, visible = weight.shape
        rbm = torch_rbm.RBM(visible, hidden, dtype=weight.dtype)
        with torch.no_grad():
            rbm.weight.copy_(weight)
            rbm.visible_bias.copy_(torch.from_numpy(fitted.intercept_visible_))
            rbm.hidden_bias.copy_(torch.from_numpy(fitted.intercept_hidden_))
        result._model = result.rbm_ = rbm
        result._standardization = Standardization.of(weight, rbm.visible_layer())
        result._loss = result._optimizer = None
        return result

    def fit(self, X: Any, y: Any = None) -> RBM:
        """Train on data, [n_samples, n_features], an array or a sparse matrix.

        Raises:
            TypeError, ValueError: the data are none of the units, or a parameter is not as
                described.
            FloatingPointError: training diverged; the learning rate is too high.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS)
        self.__dict__.pop("random_state_", None)
        with seeded(self._random()):
            data = self._begin(X)
            self._train(
                data, epochs=self.n_iter, loss=self._make_loss, optimizer=self._make_optimizer
            )
        return self

    def partial_fit(self, X: Any, y: Any = None) -> RBM:
        """Go on training with one pass over more data, with the learning rate as it is.

        The chains are those of the last call. Weights are not averaged.

        Raises:
            As :meth:`fit`.
        """
        first = not hasattr(self, "rbm_")
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=first)
        with seeded(self._random()):
            data = self._begin(X) if first else self._standardization.apply(to_tensor(X))
            if self._loss is None or self._optimizer is None:
                self._loss = self._make_loss(self._model)
                self._optimizer = self._make_optimizer(self._model.parameters())
            loss, optimizer = self._loss, self._optimizer
            self._train(
                data,
                epochs=1,
                loss=lambda _: loss,
                optimizer=lambda _: optimizer,
                scheduler=lambda optimizer, _: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0),
                average=0.0,
            )
        return self

    def transform(self, X: Any) -> Array:
        """Return E[h | v] of data, [n_samples, n_components]: probabilities of Bernoulli units."""
        return self._applied(X, lambda v: self.rbm_.hidden_mean(v))

    def free_energy(self, X: Any) -> Array:
        """Return the free energy F(v) of data, [n_samples], in nats; log p(v) = -F(v) - log Z."""
        return self._applied(X, lambda v: self.rbm_.free_energy(v))

    def score_samples(self, X: Any) -> Array:
        """Return the pseudo-log-likelihood of states, [n_samples], in nats.

        What ``BernoulliRBM`` returns is a random estimate of it; see
        :func:`torch_rbm.pseudo_log_likelihood`. For grey values of Bernoulli units states are drawn
        by ``random_state``.
        """
        check_is_fitted(self)
        # In float64: a row's value does not depend on the other rows, to 1e-7 and less.
        rbm = copy.deepcopy(self.rbm_).double()
        grey = self.rbm_.visible_units == "bernoulli"

        def score(v: Tensor) -> Tensor:
            states = torch.bernoulli(v.double()) if grey else v.double()
            return torch_rbm.pseudo_log_likelihood(rbm, states)

        with seeded(check_random_state(self.random_state)):
            return self._applied(X, score, dense=True)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of :meth:`score_samples`, for searches over parameters."""
        return float(self.score_samples(X).mean())

    def gibbs(self, v: Any, steps: int = 1) -> Array:
        """Return the visible states, [n_samples, n_features], after Gibbs steps from states."""
        with seeded(self._random()):
            return self._applied(v, lambda start: self.rbm_.gibbs(start, steps)[0], dense=True)

    @property
    def components_(self) -> Array:
        """The weights, [n_components, n_features]."""
        return self.rbm_.weight.detach().numpy()

    @property
    def intercept_hidden_(self) -> Array:
        """The hidden biases, [n_components]."""
        return self.rbm_.hidden_bias.detach().numpy()

    @property
    def intercept_visible_(self) -> Array:
        """The visible biases, [n_features]."""
        return self.rbm_.visible_bias.detach().numpy()

    @property
    def _n_features_out(self) -> int:
        return self.rbm_.hidden_bias.numel()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "rbm_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _begin(self, X: Any) -> Tensor:
        """Make an RBM that fits the data without its weights; return the data for it.

        Nothing is left of another one.
        """
        units = units_for(self, self.visible_units, X)
        data = to_tensor(X)
        self._standardization = Standardization.of(data, units)
        data = self._standardization.apply(data)
        self._model = torch_rbm.RBM(
            units.size,
            self.n_components,
            visible_units=units.as_argument(),
            hidden_units=self.hidden_units,
            learn_precision=units.continuous,
        )
        torch_rbm.initialize(self._model, data)
        self._loss, self._optimizer = None, None
        return data

    def _train(self, data: Tensor, **options: Any) -> None:
        torch_rbm.fit(
            self._model,
            data,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            binarize=self.binarize,
            progress=bool(self.verbose),
            **options,
        )
        self.rbm_ = self._standardization.of_raw_data(self._model)

    def _make_loss(self, rbm: torch_rbm.RBM) -> nn.Module:
        return torch_rbm.PersistentContrastiveDivergence(
            rbm, chains=self.n_chains, steps=self.n_steps, centered=True
        )

    def _make_optimizer(self, parameters: Any) -> torch.optim.Optimizer:
        return default_optimizer(self._model, self.learning_rate)(parameters)

    def _random(self) -> np.random.RandomState:
        if not hasattr(self, "random_state_"):
            self.random_state_ = check_random_state(self.random_state)
        random: np.random.RandomState = self.random_state_
        return random

    def _applied(
        self, X: Any, function: Callable[[Tensor], Tensor], *, dense: bool = False
    ) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        with torch.no_grad():
            result = function(to_tensor(to_dense(X) if dense else X, self.rbm_.weight.dtype))
        return result.numpy().astype(X.dtype, copy=False)
