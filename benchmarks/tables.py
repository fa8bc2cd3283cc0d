"""The tables of docs/speed.md, from the JSON file that benchmarks/operators.py wrote.

    python benchmarks/tables.py benchmarks.json docs/speed.md

Replaces what stands between the lines ``<!-- name -->`` and ``<!-- end -->`` in the page.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from peers import PEERS, WORKLOADS

Rows = list[dict[str, Any]]
HEADER = "| | " + " | ".join("bare matmuls" if p == "matmuls" else p for p in PEERS) + " |\n"
RULE = "|---" * (len(PEERS) + 1) + "|\n"


def _number(milliseconds: float) -> str:
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.2f}"


def _line(name: str, rows: Rows) -> str:
    """One line: milliseconds of every way, and in brackets R."""
    cells = []
    for peer in PEERS:
        found = [row for row in rows if row["way"] == peer and "seconds" in row]
        text = _number(found[0]["seconds"] * 1e3) if found else ""
        ratio = f" ({found[0]['ratio']:.2f})" if found and peer != "matmuls" else ""
        cells.append(text + ratio)
    return f"| {name} | " + " | ".join(cells) + " |\n"


def tables(rows: Rows) -> dict[str, str]:
    """The computations for the base case, and CD-1 for all others."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    base = [row for row in rows if row["case"] == cases[0]]
    computations = [
        _line(name, [row for row in base if row["workload"] == name]) for name in WORKLOADS
    ]
    others = [
        _line(
            case.replace(", float32", "").replace(", 2 threads", ""),
            [row for row in rows if row["case"] == case and row["workload"] == "CD-1"],
        )
        for case in cases[1:]
    ]
    return {
        "computations": HEADER + RULE + "".join(computations),
        "cases": HEADER + RULE + "".join(others),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=Path)
    parser.add_argument("page", type=Path)
    arguments = parser.parse_args()
    rows = json.loads(arguments.json.read_text())["rows"]
    page = arguments.page.read_text()
    for name, table in tables(rows).items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        page, count = re.subn(pattern, rf"\g<1>{table}\g<2>", page, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"{arguments.page} has no single place for the table {name!r}")
    arguments.page.write_text(page)


if __name__ == "__main__":
    main()
