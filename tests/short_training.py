"""A training that takes a moment, and what it comes to."""

import torch

import torch_rbm
from tests.enumeration import Model


def data_of(rows=600, seed=0):
    torch.manual_seed(seed)
    return Model.random(8, 4, seed=3, scale=1.5).sample(rows).float()


def fitted(data, rbm=None, *, hidden=6, seed=1, **options):
    torch.manual_seed(seed)
    rbm = torch_rbm.RBM(8, hidden) if rbm is None else rbm
    history = torch_rbm.fit(
        rbm, data, **{"progress": False, "epochs": 4, "batch_size": 100, **options}
    )
    return rbm, history


def parameters_equal(a, b):
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return all(x.equal(y) for x, y in pairs)


class Stop(torch_rbm.Callback):
    """Breaks a training off, as an error of the user's code would."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch(self, rbm, epoch):
        if epoch.epoch == self.epoch:
            raise RuntimeError("stopped")
