"""Contents of files that tests have read: pictures of idx, tables of ratings."""

import struct
from collections.abc import Callable

import numpy as np

from torch_rbm.ratings import RatingTable


def idx(array: np.ndarray) -> bytes:
    """An idx file of bytes, as MNIST has them."""
    return (
        struct.pack(">HBB", 0, 8, array.ndim)
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def ratings_csv(
    table: RatingTable, user: Callable[[int], int] = int, item: Callable[[int], int] = int
) -> str:
    """A CSV file of ratings, with names made of the numbers of users and items."""
    rows = zip(table.user, table.item, table.values(), table.time, strict=True)
    lines = [f"{user(int(u))},{item(int(i))},{rating},{int(time)}" for u, i, rating, time in rows]
    return "\n".join(["userId,movieId,rating,timestamp", *lines, ""])
