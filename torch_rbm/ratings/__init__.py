"""Restricted Boltzmann machines of ratings: recommendation."""

from torch_rbm.ratings import operators
from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.evaluation.baselines import GlobalMean, Popularity, UserItemBiases
from torch_rbm.ratings.evaluation.evaluate import Scores, evaluate
from torch_rbm.ratings.evaluation.measures import (
    Calibration,
    Ranking,
    calibration,
    mean_absolute_error,
    mean_negative_log_likelihood,
    ranking,
    root_mean_squared_error,
)
from torch_rbm.ratings.fit import RatingsEpoch, fit_ratings
from torch_rbm.ratings.loss import RatingsContrastiveDivergence
from torch_rbm.ratings.rbm import RatingsRBM
from torch_rbm.ratings.recommenders.case_model import CaseModel
from torch_rbm.ratings.recommenders.implicit import ImplicitRecommender
from torch_rbm.ratings.recommenders.persistence import load_recommender
from torch_rbm.ratings.recommenders.predictor import Predictor
from torch_rbm.ratings.recommenders.rater import Rater
from torch_rbm.ratings.recommenders.recommendation import Choice, Prediction, Recommendation
from torch_rbm.ratings.recommenders.recommender import Recommender
from torch_rbm.ratings.tables.splits import k_fold, leave_last_out, random_split
from torch_rbm.ratings.tables.synthetic import synthetic_ratings
from torch_rbm.ratings.tables.table import RatingTable
from torch_rbm.ratings.tables.titles import read_titles

__all__ = [
    "Calibration",
    "CaseModel",
    "Choice",
    "GlobalMean",
    "ImplicitRecommender",
    "Popularity",
    "Prediction",
    "Predictor",
    "Ranking",
    "Rater",
    "RatingTable",
    "Ratings",
    "RatingsContrastiveDivergence",
    "RatingsEpoch",
    "RatingsRBM",
    "Recommendation",
    "Recommender",
    "Scores",
    "UserItemBiases",
    "calibration",
    "evaluate",
    "fit_ratings",
    "k_fold",
    "leave_last_out",
    "load_recommender",
    "mean_absolute_error",
    "mean_negative_log_likelihood",
    "operators",
    "random_split",
    "ranking",
    "read_titles",
    "root_mean_squared_error",
    "synthetic_ratings",
]
