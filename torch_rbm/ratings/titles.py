"""What people call the items of ratings."""

from __future__ import annotations

import os

_ITEM_COLUMNS = ("item", "itemid", "movieid", "movie", "bookid", "asin", "productid", "id")
_TITLE_COLUMNS = ("title", "name")


def read_titles(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read titles by item from a CSV file with a header such as ``movieId,title``.

    Raises:
        ImportError: pandas is not installed.
        FileNotFoundError: there is no such file.
        ValueError: it is no table, or a column is missing.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError("read_titles needs pandas: pip install torch_rbm[ratings]") from error
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"expected a file {name}, found none")
    try:
        frame = pandas.read_csv(name, dtype=str, keep_default_na=False)
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"expected a table in {name}: {error}") from error
    by_name = {str(column).strip().lower().replace("_", ""): column for column in frame.columns}
    columns = []
    for kind, known in (("item", _ITEM_COLUMNS), ("title", _TITLE_COLUMNS)):
        column = next((by_name[word] for word in known if word in by_name), None)
        if column is None:
            raise ValueError(
                f"{name}: expected a column for the {kind}, got columns "
                f"{', '.join(str(column) for column in frame.columns)}"
            )
        columns.append(frame[column])
    return dict(zip(*columns, strict=True))
