"""Restricted Boltzmann machines of ratings: recommendation."""

from torch_rbm.ratings import operators
from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.loss import RatingsContrastiveDivergence
from torch_rbm.ratings.rbm import RatingsRBM
from torch_rbm.ratings.table import RatingTable

__all__ = ["RatingTable", "Ratings", "RatingsContrastiveDivergence", "RatingsRBM", "operators"]
