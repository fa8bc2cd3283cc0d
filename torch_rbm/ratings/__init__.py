"""Restricted Boltzmann machines of ratings: recommendation."""

from torch_rbm.ratings import operators

__all__ = ["operators"]
