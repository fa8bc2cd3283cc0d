"""Restricted Boltzmann machines of ratings: recommendation."""

from torch_rbm.ratings import operators
from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.loss import RatingsContrastiveDivergence
from torch_rbm.ratings.rbm import RatingsRBM

__all__ = ["Ratings", "RatingsContrastiveDivergence", "RatingsRBM", "operators"]
