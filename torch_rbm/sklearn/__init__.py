"""scikit-learn estimators: RBMs, deep belief nets and recommenders in pipelines and searches.

They take and return NumPy arrays, take ``random_state``, and may be cloned, pickled and searched
over. What they have trained are the modules of torch_rbm, in ``rbm_``, ``net_`` and
``recommender_``.
"""

try:
    import sklearn as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "torch_rbm.sklearn needs scikit-learn: pip install torch_rbm[sklearn]"
    ) from error

from torch_rbm.sklearn.dbn import DBNClassifier, DBNRegressor
from torch_rbm.sklearn.rbm import RBM
from torch_rbm.sklearn.recommender import RatingsRecommender

__all__ = ["RBM", "DBNClassifier", "DBNRegressor", "RatingsRecommender"]
