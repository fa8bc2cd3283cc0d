"""Tables from CSV files, and their columns under the names that they usually have."""

from __future__ import annotations

import os
from typing import Any

# Names of columns in small letters without underscores.
COLUMNS = {
    "user": ("user", "userid", "reviewerid", "customerid"),
    "item": ("item", "itemid", "movieid", "movie", "bookid", "asin", "productid"),
    "rating": ("rating", "ratings", "stars", "score", "overall"),
    "time": ("timestamp", "time", "date", "unixreviewtime"),
    "title": ("title", "name"),
}


def read_frame(where: str, path: str | os.PathLike[str], **options: Any) -> Any:
    """Read a CSV file with a header.

    Args:
        where: the caller's name, for messages.
        path: the file.
        **options: those of ``pandas.read_csv``.

    Returns:
        A pandas DataFrame.

    Raises:
        ImportError: pandas is not installed.
        FileNotFoundError: there is no such file.
        ValueError: it is empty, or no table.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"{where} needs pandas: pip install torch_rbm[ratings]") from error
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"expected a file {name}, found none")
    try:
        frame = pandas.read_csv(name, **options)
    except pandas.errors.EmptyDataError:
        raise ValueError(f"expected a table in {name}, but it is empty") from None
    except (pandas.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"expected a table in {name}: {error}") from error
    # Of rows that are longer than the header pandas takes the first values as names of the rows.
    if not isinstance(frame.index, pandas.RangeIndex):
        raise ValueError(f"expected a table in {name}: its rows have more values than its header")
    return frame


def find_column(frame: Any, kind: str) -> Any:
    """Return the column of a kind; None where there is none."""
    by_name = {str(column).strip().lower().replace("_", ""): column for column in frame.columns}
    return next((frame[by_name[name]] for name in COLUMNS[kind] if name in by_name), None)


def column(frame: Any, kind: str) -> Any:
    """Return the column of a kind.

    Raises:
        ValueError: there is none.
    """
    found = find_column(frame, kind)
    if found is None:
        raise ValueError(
            f"expected a column for the {kind} with one of the names {', '.join(COLUMNS[kind])}, "
            f"got columns {', '.join(str(column) for column in frame.columns)}"
        )
    return found
