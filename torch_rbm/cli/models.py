"""Models from files, and the cases that go with them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor

import torch_rbm
from torch_rbm.cli.cases import check_cases, read_data
from torch_rbm.cli.readers import Table
from torch_rbm.cli.writers import write_table
from torch_rbm.persistence import load_with_columns
from torch_rbm.rbm import RBM


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the file of the model."""
    parser.add_argument("model", metavar="MODEL", help="file that `torch-rbm fit` has written")


def add_method(parser: argparse.ArgumentParser) -> None:
    """Add how log Z of the model is found."""
    parser.add_argument(
        "--method",
        choices=("auto", "exact", "ais"),
        default="auto",
        help="how to find the partition function: by enumeration, for small models, or by annealed "
        "importance sampling",
    )


@dataclass(frozen=True)
class TrainedRBM:
    """An RBM, and the names of the columns that it was trained on, where they had any."""

    path: str
    rbm: RBM
    columns: list[str] | None

    @classmethod
    def load(cls, path: str) -> TrainedRBM:
        """Read it from a file.

        Raises:
            ValueError: the file holds no RBM.
        """
        model, columns = load_with_columns(path)
        if not isinstance(model, torch_rbm.RBM):
            raise ValueError(f"expected {path} to hold an RBM, got a {type(model).__name__}")
        return cls(path, model, columns)

    def cases(
        self, options: argparse.Namespace, *, states: bool = False, missing: bool = False
    ) -> Tensor:
        """Read the cases, [cases, visible], in a dtype that the model takes; see :meth:`read`."""
        return self.taken(self.read(options, states=states, missing=missing).data)

    def write(self, results: Tensor, columns: list[str], table: Table, path: str) -> None:
        """Write results, [cases, columns], whose columns have names where those of the data do."""
        write_table(results, path, None if self.columns is None else columns, table.cases)

    def taken(self, data: Tensor) -> Tensor:
        """Return data in a dtype that the model takes."""
        return data if data.dtype in (torch.bool, torch.uint8) else data.to(self.rbm.weight.dtype)

    def read(
        self, options: argparse.Namespace, *, states: bool = False, missing: bool = False
    ) -> Table:
        """Read the cases, [cases, visible], as they are.

        Args:
            options: what the command was given.
            states: see :func:`torch_rbm.cli.cases.check_cases`.
            missing: likewise.

        Raises:
            ValueError: the columns are not those of the model, or have values that its units cannot
                have.
        """
        table = read_data(options, self.columns)
        check_cases(table, self.rbm, states=states, missing=missing)
        return table
