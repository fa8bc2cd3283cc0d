"""Tables of numbers in CSV, as spreadsheets and data bases write them."""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_rbm.cli.arguments import listed, meant
from torch_rbm.files import open_unzipped
from torch_rbm.sparse import in_single_if_exact

# With or without the mark that spreadsheets put first.
_ENCODING = "utf-8-sig"
_QUOTED = re.compile(r'"[^"]*"')
# What tables have where a value is missing.
_MISSING = ("", "na", "n/a", "nan", "null", "none")


@dataclass(frozen=True)
class CSVFile:
    """A table in CSV, gzipped or not, whose first line may be names.

    Attributes:
        path: the file.
        separator: between columns: a comma, a semicolon or a tab.
        header: lines up to the names, with these; 0 where there are no names.
        columns: the names of all columns; their numbers, from 1 on, where they have none.
        kept: which of them are read, in the order in which they are wanted.
    """

    path: Path
    separator: str
    header: int
    columns: list[str]
    kept: list[int]

    @classmethod
    def of(cls, path: Path, drop: Collection[str] = (), wanted: list[str] | None = None) -> CSVFile:
        """Look at the first line that is not empty.

        Args:
            path: the file.
            drop: columns that are not read.
            wanted: the columns that are read, of a table that has names.

        Raises:
            ValueError: a column to leave out or to read is not there, or no other is left.
        """
        with open_unzipped(path) as file:
            lines = (line.decode(_ENCODING, errors="replace").strip() for line in file)
            number, first = next(filter(itemgetter(1), enumerate(lines, 1)), (0, ""))
        separator = max(",;\t", key=_QUOTED.sub("", first).count)
        words = next(csv.reader([first], delimiter=separator), [])
        if all(_is_number(word) or _is_missing(word) for word in words):
            number, columns = 0, numbered(len(words))
        else:
            columns = [word.strip() for word in words]
        kept = kept_columns(columns, drop)
        if number and wanted is not None and wanted != [columns[i] for i in kept]:
            kept = _wanted_columns(columns, kept, wanted)
        return cls(path, separator, number, columns, kept)

    @property
    def names(self) -> list[str] | None:
        """Those of the columns that are read, where there are any."""
        return [self.columns[i] for i in self.kept] if self.header else None

    def read(self) -> Tensor:
        """Read the numbers, [rows, columns]; empty cells and ``NA`` become NaN.

        Raises:
            ValueError: a cell is no number, or a row has more or fewer cells than others.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "loadtxt: input contained no data")
            try:
                table = self._rows(None)
            except UserWarning as error:
                raise ValueError("it has no rows of numbers") from error
            except ValueError as error:
                fault = self._first_fault()
                if fault is not None:
                    raise ValueError(fault) from error
                table = self._rows(_number)
        if np.isinf(table).any():
            raise ValueError(self._first_fault())
        return in_single_if_exact(torch.from_numpy(table))

    def words(self, column: str) -> list[str]:
        """Read what one of the columns has in each row, numbers or not.

        Raises:
            ValueError: there is no such column.
        """
        _require(self.columns, [column])
        place = self.columns.index(column)
        with self._text() as file:
            for _ in range(self.header):
                next(file)
            rows = filter(None, csv.reader(file, delimiter=self.separator))
            return [row[place] for row in rows]

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(
            open_unzipped(self.path), encoding=_ENCODING, errors="replace", newline=""
        )

    def _rows(self, convert: Callable[[str], float] | None) -> Any:
        some = self.kept != list(range(len(self.columns)))
        with open_unzipped(self.path) as file:
            return np.loadtxt(
                file,
                delimiter=self.separator,
                quotechar='"',
                # What is left out may be text, with any character in it.
                comments=None if some else "#",
                usecols=self.kept if some else None,
                skiprows=self.header,
                ndmin=2,
                dtype=np.float64,
                converters=convert,
                encoding=_ENCODING,
            )

    def _first_fault(self) -> str | None:
        """The line that keeps it from being a table of numbers, in words."""
        with self._text() as file:
            rows = csv.reader(file, delimiter=self.separator)
            not_empty = filter(None, rows)
            if self.header:
                next(not_empty)
            for row in not_empty:
                if len(row) != len(self.columns):
                    return (
                        f"line {rows.line_num} has {len(row)} values, the lines before "
                        f"{len(self.columns)}"
                    )
                for column in self.kept:
                    if not (_is_missing(row[column]) or _is_finite(row[column])):
                        return self._no_number(rows.line_num, row[column], column)
        return None

    def _no_number(self, line: int, word: str, column: int) -> str:
        name = repr(self.columns[column]) if self.header else self.columns[column]
        return (
            f"line {line} has {word!r} in column {name}, no number; categories want a column of 0 "
            "and 1 for each, and --drop leaves a column out"
        )


def numbered(columns: int) -> list[str]:
    """What columns without names are called: their numbers, from 1 on."""
    return [str(number) for number in range(1, columns + 1)]


def kept_columns(columns: list[str], drop: Collection[str]) -> list[int]:
    """Which columns of these names are left.

    Raises:
        ValueError: one to leave out is not there, or none is left.
    """
    _require(columns, drop)
    kept = [i for i, name in enumerate(columns) if name not in drop]
    if drop and not kept:
        raise WrongColumnsError("no column is left")
    return kept


class WrongColumnsError(ValueError):
    """A table does not have the columns that are asked for."""


def _require(columns: list[str], names: Collection[str]) -> None:
    for name in names:
        if name not in columns:
            raise WrongColumnsError(
                f"there is no column {name!r}{meant(name, columns)}; its columns are "
                f"{listed(columns)}"
            )


def _wanted_columns(columns: list[str], kept: list[int], wanted: list[str]) -> list[int]:
    times = Counter(columns[i] for i in kept)
    absent = [name for name in wanted if times[name] == 0]
    if absent:
        raise WrongColumnsError(
            f"there is no column {listed(absent)}, which the model has; its columns are "
            f"{listed(columns)}"
        )
    twice = [name for name in wanted if times[name] > 1]
    if twice:
        raise WrongColumnsError(f"there is more than one column {listed(twice)}")
    places = {columns[i]: i for i in kept}
    return [places[name] for name in wanted]


def _number(word: str) -> float:
    return math.nan if _is_missing(word) else float(word)


def _is_missing(word: str) -> bool:
    return word.strip().lower() in _MISSING


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_finite(word: str) -> bool:
    return _is_number(word) and math.isfinite(float(word))
