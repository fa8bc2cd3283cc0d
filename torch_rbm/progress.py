"""Progress bars, for somebody who looks at them."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm


def progress_bar(total: int, description: str, *, shown: bool, unit: str = "it") -> tqdm[Any]:
    """Make a bar, on a terminal or in a notebook: files and pipes get none.

    Args:
        total: how many steps there are.
        description: the words in front of it.
        shown: whether it is wanted.
        unit: what a step is.
    """
    return tqdm(total=total, desc=description, disable=None if shown else True, unit=unit)
