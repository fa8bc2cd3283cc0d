"""Lines of JSON, printed and kept."""

from __future__ import annotations

import json
import resource
from pathlib import Path


def report(output: Path, **figures: object) -> None:
    """Print figures as a line of JSON, and append it to a file; of numbers five digits."""
    line = json.dumps(
        {
            name: float(f"{value:.5g}") if isinstance(value, float) else value
            for name, value in figures.items()
        }
    )
    print(line, flush=True)
    with output.open("a") as file:
        file.write(line + "\n")


def peak_memory_gb() -> float:
    """The largest memory that this process has had, in 10⁹ bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
