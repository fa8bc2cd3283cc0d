"""What people call the items of ratings."""

from __future__ import annotations

import os

from torch_rbm.ratings.tables.frames import column, read_frame


def read_titles(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read titles by item from a CSV file with a header such as ``movieId,title``.

    Raises:
        ImportError: pandas is not installed.
        FileNotFoundError: there is no such file.
        ValueError: it is no table, or a column is missing.
    """
    frame = read_frame("read_titles", path, dtype=str, keep_default_na=False)
    try:
        return dict(zip(column(frame, "item"), column(frame, "title"), strict=True))
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None
