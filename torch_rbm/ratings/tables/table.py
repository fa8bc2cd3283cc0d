"""Ratings with the names of users and items: from files, data frames and arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.tables.frames import column, find_column, read_frame

# More different ratings than these are no scale but real numbers.
_MOST_LEVELS = 100


@dataclass(frozen=True, repr=False)
class RatingTable:
    """Who rated what, and how.

    Attributes:
        users: the names of the users, by number.
        items: the names of the items, by number.
        scale: the ratings that there are, ascending, float64 [levels].
        user: the number of each rating's user, int64 [ratings].
        item: that of its item, int64 [ratings].
        level: which of the ratings of the scale it is, int64 [ratings].
        time: when it was given, float64 [ratings]; None where that is not known.
    """

    users: np.ndarray[Any, Any]
    items: np.ndarray[Any, Any]
    scale: Tensor
    user: Tensor
    item: Tensor
    level: Tensor
    time: Tensor | None = None

    @staticmethod
    def from_arrays(
        users: Any,
        items: Any,
        ratings: Any = None,
        times: Any = None,
        *,
        scale: Sequence[float] | None = None,
    ) -> RatingTable:
        """Make a table of arrays or sequences, one element for each rating.

        Args:
            users: names of users, numbers or strings.
            items: names of items.
            ratings: numbers; None for choices, such as clicks, which become ratings of 1; a choice
                that is made again counts once.
            times: numbers, where they are known.
            scale: all ratings that there may be; those that there are when None.

        Raises:
            ValueError: the arrays are not of one length or empty, a rating is no number or not in
                the scale, or a user has rated an item twice; the message tells which.
        """
        return _table(users, items, ratings, times, scale, lambda row: f"rating number {row}")

    @staticmethod
    def from_frame(
        frame: Any, *, scale: Sequence[float] | None = None, choices: bool = False
    ) -> RatingTable:
        """Make a table of a pandas DataFrame with columns such as userId, movieId, rating.

        Args:
            frame: the DataFrame.
            scale: all ratings that there may be; those that there are when None.
            choices: take rows as choices, such as clicks, and no ratings.

        Raises:
            ValueError: a column is missing, or as for :meth:`from_arrays`.
        """
        return _from_frame(frame, scale, choices, lambda row: f"row {row}")

    @staticmethod
    def read_csv(
        path: str | os.PathLike[str],
        *,
        scale: Sequence[float] | None = None,
        choices: bool = False,
    ) -> RatingTable:
        """Read a CSV file with a header such as ``userId,movieId,rating,timestamp``.

        Args:
            path: the file.
            scale: all ratings that there may be; those that there are when None.
            choices: take lines as choices, such as clicks, and no ratings.

        Raises:
            ImportError: pandas is not installed.
            FileNotFoundError: there is no such file.
            ValueError: the file is empty, a column is missing, or as for :meth:`from_arrays`; the
                message names the line.
        """
        frame = read_frame("RatingTable.read_csv", path, skip_blank_lines=False)
        frame = frame.dropna(how="all")
        lines = frame.index + 2
        try:
            return _from_frame(frame, scale, choices, lambda row: f"line {lines[row]}")
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None

    def __len__(self) -> int:
        """Return the number of ratings."""
        return len(self.user)

    def __repr__(self) -> str:
        """Return how many there are, and the scale."""
        scale = "choices" if len(self.scale) == 1 else f"{self.scale[0]:g} to {self.scale[-1]:g}"
        return (
            f"RatingTable({len(self)} ratings, {len(self.users)} users, {len(self.items)} items, "
            f"{scale})"
        )

    def values(self) -> Tensor:
        """The ratings as numbers, float64 [ratings]."""
        return self.scale[self.level]

    def subset(self, chosen: Tensor) -> RatingTable:
        """The table of some ratings, by a mask or by numbers, with the same users and items."""
        return replace(
            self,
            user=self.user[chosen],
            item=self.item[chosen],
            level=self.level[chosen],
            time=None if self.time is None else self.time[chosen],
        )

    def by_user(self) -> Ratings:
        """The ratings with users as cases."""
        return Ratings.of(self.user, self.item, self.level, len(self.users))

    def by_item(self) -> Ratings:
        """The ratings with items as cases, and users in the place of items."""
        return Ratings.of(self.item, self.user, self.level, len(self.items))


def _from_frame(
    frame: Any, scale: Sequence[float] | None, choices: bool, place: Callable[[int], str]
) -> RatingTable:
    found: dict[str, Any] = {
        "user": column(frame, "user"),
        "item": column(frame, "item"),
        "rating": None if choices else column(frame, "rating"),
        "time": find_column(frame, "time"),
    }
    for kind in ("user", "item"):
        missing = np.flatnonzero(found[kind].isna().to_numpy())
        if len(missing) > 0:
            raise ValueError(f"expected a {kind} in {place(int(missing[0]))}, got none")
    arrays = {kind: None if values is None else values.to_numpy() for kind, values in found.items()}
    if arrays["time"] is not None and not np.issubdtype(arrays["time"].dtype, np.number):
        import pandas

        times = pandas.to_datetime(found["time"], errors="coerce", utc=True)
        wrong = np.flatnonzero(times.isna().to_numpy())
        if len(wrong) > 0:
            got = arrays["time"][wrong[0]]
            raise ValueError(f"expected a time in {place(int(wrong[0]))}, got {got!r}")
        microseconds = times.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        arrays["time"] = microseconds.astype(np.int64) / 1e6
    return _table(arrays["user"], arrays["item"], arrays["rating"], arrays["time"], scale, place)


def _table(
    users: Any,
    items: Any,
    ratings: Any,
    times: Any,
    scale: Sequence[float] | None,
    place: Callable[[int], str],
) -> RatingTable:
    is_choice = ratings is None
    users, items = np.asarray(users), np.asarray(items)
    ratings = np.ones(len(users)) if is_choice else np.asarray(ratings)
    lengths = [len(values) for values in (users, items, ratings)]
    if times is not None:
        times = np.asarray(times, dtype=np.float64)
        lengths.append(len(times))
    if len(set(lengths)) > 1:
        raise ValueError(f"expected as many users, items and ratings, got {lengths}")
    if len(ratings) == 0:
        raise ValueError("expected at least one rating, got none")
    values = _numbers(ratings, place)
    if is_choice:
        levels, level = np.ones(1), np.zeros(len(users), dtype=np.int64)
    else:
        levels, level = _levels(values, scale, place)
    user_names, user = np.unique(users, return_inverse=True)
    item_names, item = np.unique(items, return_inverse=True)
    again, before = _repeats(user.astype(np.int64) * len(item_names) + item)
    if len(again) > 0 and not is_choice:
        row, first = int(again[0]), int(before[0])
        raise ValueError(
            f"expected one rating of an item by a user, got two of item {items[row]} by user "
            f"{users[row]}, in {place(first)} and {place(row)}"
        )
    user, item, level = (np.delete(numbers, again) for numbers in (user, item, level))
    times = None if times is None else np.delete(times, again)
    return RatingTable(
        user_names,
        item_names,
        torch.from_numpy(levels),
        torch.from_numpy(user),
        torch.from_numpy(item),
        torch.from_numpy(level),
        None if times is None else torch.from_numpy(times),
    )


def _numbers(ratings: np.ndarray[Any, Any], place: Callable[[int], str]) -> np.ndarray[Any, Any]:
    try:
        values = ratings.astype(np.float64)
    except (TypeError, ValueError):
        for row, rating in enumerate(ratings):
            try:
                float(rating)
            except (TypeError, ValueError):
                message = f"expected a number as the rating in {place(row)}, got {rating!r}"
                raise ValueError(message) from None
        raise
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong) > 0:
        raise ValueError(f"expected a number as the rating in {place(int(wrong[0]))}, got none")
    return values


def _levels(
    values: np.ndarray[Any, Any], scale: Sequence[float] | None, place: Callable[[int], str]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The scale, ascending, and the place of each rating in it."""
    levels = np.unique(values if scale is None else np.asarray(scale, dtype=np.float64))
    if len(levels) > _MOST_LEVELS:
        raise ValueError(
            f"expected ratings on a scale of at most {_MOST_LEVELS} levels, got {len(levels)} "
            "different ones; round them first"
        )
    if len(levels) < 2:
        raise ValueError(
            f"expected a scale of two ratings or more, got only {levels[0]:g}; clicks and other "
            "choices have no ratings, and are for torch_rbm.ImplicitRecommender"
        )
    level = np.searchsorted(levels, values).clip(max=len(levels) - 1)
    wrong = np.flatnonzero(levels[level] != values)
    if len(wrong) > 0:
        row = int(wrong[0])
        raise ValueError(
            f"expected one of the ratings {', '.join(f'{x:g}' for x in levels)} in {place(row)}, "
            f"got {values[row]:g}"
        )
    return levels, level.astype(np.int64)


def _repeats(values: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Places of values that came before, ascending, and where they came first."""
    _, first, which = np.unique(values, return_index=True, return_inverse=True)
    first = first[which]
    again = np.flatnonzero(first != np.arange(len(values)))
    return again, first[again]
