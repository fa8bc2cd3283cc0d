"""Ratings made by a known model, for tests of what learns from them."""

import functools

import torch

from torch_rbm.ratings import RatingTable, random_split, synthetic_ratings

FAST = {"hidden": 10, "epochs": 60, "batch_size": 30, "progress": False}


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


def predicted_by(truth, train, test):
    """RMSE and mean −log p of the test ratings, by a model from the training ratings."""
    query = test.by_item()
    p = truth.predict(*train.by_item(), query.crow, query.items).double()
    rmse = ((p @ test.scale - test.scale[query.levels]) ** 2).mean().sqrt().item()
    return rmse, -p[torch.arange(len(p)), query.levels].log().mean().item()
