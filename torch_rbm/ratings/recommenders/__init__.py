"""Recommenders by ratings and by choices."""
