"""How good predictions of ratings are, and what they must be better than."""
