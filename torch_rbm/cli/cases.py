"""The cases that commands take: their options, and what is checked of them."""

from __future__ import annotations

import argparse
import itertools
import math
import sys

import torch
from torch import Tensor

from torch_rbm.cli.arguments import named, positive
from torch_rbm.cli.readers import Table, read_table
from torch_rbm.cli.writers import TABLES
from torch_rbm.files import check_folder
from torch_rbm.rbm import RBM
from torch_rbm.units import WrongValueError

# Rows from which on a column that counts is no accident, and one of whole numbers that never come
# twice, though there is little room for them: the numbers of some of the cases, in any order.
_NUMBERED = 10
_MANY = 50
_ROOM = 4
# Cases among which values that are no states would be found.
_LOOKED_AT = 1000
# Share of values in a column that are mistakes rather than a sign of other units.
_FEW = 0.05
# Groups of columns in a hint.
_GROUPS = 6


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the file, and what its numbers are divided by."""
    parser.add_argument("data", metavar="DATA", help="file with one row for each case")
    parser.add_argument("--scale", type=positive, help="divide the data by this, 255 for pixels")
    parser.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="leave a column out: its name or, where there are no names, its number, from 1; may "
        "be given several times",
    )
    parser.set_defaults(complete_cases=False, id=None)


def add_complete_cases(parser: argparse.ArgumentParser) -> None:
    """Add the option for tables with holes."""
    parser.add_argument(
        "--complete-cases", action="store_true", help="leave out cases with missing values"
    )


def read_data(options: argparse.Namespace, columns: list[str] | None = None) -> Table:
    """Read the cases of a command.

    Args:
        options: what the command was given.
        columns: those of the model, where it knows their names: a table that has names is read by
            them, in whatever order, and without its other columns.

    Raises:
        ValueError: the table has no such columns, or no case is whole where whole ones are wanted.
    """
    table = read_table(options.data, options.scale, options.drop, columns, options.id)
    return without_incomplete(table) if options.complete_cases else table


def without_incomplete(table: Table) -> Table:
    """The table without cases that miss a value, of which it is said how many there are.

    Raises:
        ValueError: no case is whole.
    """
    known = _known_values(table.data)
    if known is None:
        return table
    whole = known.all(1)
    if not whole.any():
        raise ValueError(f"{table.path}: expected cases without missing values, got none")
    incomplete = len(whole) - int(whole.sum())
    print(
        f"{incomplete} of {len(whole)} cases in {table.path} miss values and are left out",
        file=sys.stderr,
    )
    return table.of_cases(whole)


def add_binarize(parser: argparse.ArgumentParser, when: str) -> None:
    """Add the option for grey values; ``when`` says how often states are drawn from them."""
    parser.add_argument(
        "--binarize",
        action="store_true",
        help=f"take values between 0 and 1 as probabilities, and draw 0 or 1 from them {when}",
    )


def add_table(parser: argparse.ArgumentParser) -> None:
    """Add the file for a table with a row for each case, and what names the cases there."""
    parser.add_argument(
        "--out",
        required=True,
        type=named(*TABLES),
        metavar="FILE",
        help="file.npy or file.csv with a row for each case",
    )
    parser.add_argument(
        "--id",
        metavar="COLUMN",
        help="column of DATA that says which case it is, in words or numbers: it comes first in "
        "FILE, both in .csv",
    )


def check_table_file(options: argparse.Namespace) -> None:
    """Require a place for the table, and a format that has words where words come first.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the format has numbers alone.
    """
    check_folder(options.out)
    if options.id is not None and not options.out.endswith(".csv"):
        raise ValueError(f"expected a .csv as --out where there is an --id, got {options.out}")


def _known_values(data: Tensor) -> Tensor | None:
    """Where values are known, bool [cases, visible]; None where all are."""
    if data.layout != torch.strided or data.numel() == 0:
        return None
    least, _ = torch.aminmax(data)  # NaN if there is one; a mask of mapped files may be too large
    return ~data.isnan() if least.isnan() else None


def check_cases(
    table: Table, rbm: RBM, *, states: bool = False, missing: bool = False
) -> Tensor | None:
    """Require data that the visible units can have; say which option may be missing.

    Args:
        table: the data.
        rbm: the model.
        states: require states, not means of them.
        missing: take NaN for a value that is missing; otherwise it is refused.

    Returns:
        Where values are known, bool [cases, visible]; None where all are.

    Raises:
        ValueError: a value is none that its unit can have.
    """
    path, data = table.path, table.data
    known = _known_values(data)
    fits = data.layout == torch.strided and data.shape[1] == rbm.visible_bias.numel()
    if known is not None and fits and not missing:
        row, column = (~known).nonzero()[0].tolist()
        raise ValueError(
            f"{path}: expected data without missing values, got one in column "
            f"{table.name_of(column)} of case {row + 1}; --complete-cases leaves such cases out; "
            "torch-rbm impute --samples fills them in, and by cases that a model has filled in "
            "itself it looks too good"
        )
    observed = known if fits else None
    try:
        rbm.visible_layer().check(path, "data", data, states=states, observed=observed)
    except WrongValueError as error:
        case, column = error.position
        raise ValueError(
            f"{path}: expected values {error.expected}, got {error.value:.9g} in column "
            f"{table.name_of(column)} of case {table.number_of(case)}"
            f"{_hint(data, observed, rbm, column, states=states)}"
        ) from None
    return known


def _hint(data: Tensor, known: Tensor | None, rbm: RBM, column: int, *, states: bool) -> str:
    """Which option may be missing where a value is none that its unit can have, in this column."""
    is_dense = data.layout == torch.strided
    values = data if is_dense else data.values()
    top = (values if known is None else values[known]).max().item()
    if top == 255:
        return "; for pixels from 0 to 255 use --scale 255"
    if states and top <= 1:
        return "; with --binarize they are probabilities of 0 and 1"
    if is_dense and not states and math.isfinite(top) and "bernoulli" in rbm.visible_units:
        there = data[:, column]
        other = int(((there != 0) & (there != 1) & ~there.isnan()).sum())
        if other <= _FEW * len(there):
            return f"; {other} of {len(there)} values there are neither 0 nor 1"
        return f"; as the values are, --units {_units_for(data)!r} of fit would take them"
    return ""


def _units_for(data: Tensor) -> str:
    """Units that take the columns as they are: of 0 and 1 alone, and of real numbers."""
    binary = ((data == 0) | (data == 1) | data.isnan()).all(0).tolist()
    runs = [(kind, len(list(columns))) for kind, columns in itertools.groupby(binary)]
    if len(runs) == 1 or len(runs) > _GROUPS:
        return "gaussian"
    return ", ".join(f"{'bernoulli' if kind else 'gaussian'}:{count}" for kind, count in runs)


def warn_of_numbering(table: Table) -> None:
    """Say so where a column does nothing but number the cases."""
    data = table.data
    if data.layout != torch.strided or len(data) < _NUMBERED:
        return
    for column, numbers in enumerate(data.T):
        if not _is_numbering(numbers):
            continue
        name = table.name_of(column)
        print(
            f"column {name} numbers the cases, which says nothing of them: better leave it out, "
            f"--drop {name}",
            file=sys.stderr,
        )


def say_of_means(table: Table, rbm: RBM, when: str) -> None:
    """Say so where values between 0 and 1 are taken as they are, as probabilities.

    Args:
        table: the data.
        rbm: the model.
        when: how often ``--binarize`` of the command would draw states from them.
    """
    if table.data.layout != torch.strided:
        return
    for group in rbm.visible_layer().groups:
        values = table.data[:_LOOKED_AT, group.slice]
        between = ((values > 0) & (values < 1)).any(0)
        if group.type == "bernoulli" and between.any():
            column = group.first + int(between.nonzero()[0])
            print(
                f"column {table.name_of(column)} has values between 0 and 1, taken as means of 0 "
                f"and 1: --binarize draws states from them {when}, --units gaussian of fit takes "
                "real numbers",
                file=sys.stderr,
            )
            return


def _is_numbering(numbers: Tensor) -> bool:
    # The first rows say no of most columns, in a fraction of the time.
    if _counts(numbers[:_NUMBERED]) and _counts(numbers):
        return True
    cases = len(numbers)
    if cases < _MANY or not (_are_whole(numbers[:_MANY]) and _are_whole(numbers)):
        return False
    room = (numbers.max() - numbers.min()).item() + 1
    return cases <= room <= _ROOM * cases and len(set(numbers.tolist())) == cases


def _counts(numbers: Tensor) -> bool:
    return bool((numbers.diff() == 1).all())


def _are_whole(numbers: Tensor) -> bool:
    return bool((numbers == numbers.round()).all())


def states_of(data: Tensor, binarize: bool) -> Tensor:
    """Data as they are, or drawn once from probabilities, always alike."""
    if not binarize:
        return data
    uniform = torch.rand(data.shape, generator=torch.Generator().manual_seed(0))
    return (uniform < data.float()).float()
