"""Kinds of arguments, which argparse checks."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable

# Names in a message.
_SHOWN = 8


def count(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return value


def positive(text: str) -> float:
    """A number above 0."""
    value = float(text)
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def not_negative(text: str) -> float:
    """A number of at least 0."""
    value = float(text)
    if not (0 <= value < math.inf):
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text}")
    return value


def height_and_width(text: str) -> tuple[int, int]:
    """Two whole numbers such as 28x28."""
    words = text.lower().split("x")
    if len(words) != 2:
        raise argparse.ArgumentTypeError(f"expected height x width such as 28x28, got {text}")
    height, width = (count(word) for word in words)
    return height, width


def named(*endings: str) -> Callable[[str], str]:
    """Return the kind of file names with one of these endings."""

    def file(text: str) -> str:
        if not text.endswith(endings):
            raise argparse.ArgumentTypeError(f"expected a name in {' or '.join(endings)}")
        return text

    return file


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add the option for no progress bar."""
    parser.add_argument(
        "--quiet", action="store_true", help="no progress bar; files and pipes get none anyway"
    )


def meant(word: str, names: list[str]) -> str:
    """What to add to a message about a word that is none of these names, but like one."""
    near = difflib.get_close_matches(word, names, 1)
    return f" (is {near[0]} meant?)" if near else ""


def listed(names: list[str]) -> str:
    """Names in a row, without those between the first and the last where they are many."""
    shown = names if len(names) <= _SHOWN else [*names[: _SHOWN - 2], "...", names[-1]]
    return ", ".join(shown)
