"""Deep belief nets: pretraining, the networks that start from them, and what they generate."""

from torch_rbm.dbn.belief_layer import BeliefLayer
from torch_rbm.dbn.bound import lower_bound
from torch_rbm.dbn.fit_up_down import fit_up_down
from torch_rbm.dbn.net import DBN
from torch_rbm.dbn.networks import Autoencoder
from torch_rbm.dbn.pretraining import pretrain
from torch_rbm.dbn.up_down import UpDown

__all__ = [
    "DBN",
    "Autoencoder",
    "BeliefLayer",
    "UpDown",
    "fit_up_down",
    "lower_bound",
    "pretrain",
]
