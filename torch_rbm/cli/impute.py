"""`torch-rbm impute`: what is missing in a table, by what a model knows of the rest."""

from __future__ import annotations

import argparse

import torch

import torch_rbm
from torch_rbm.cli.arguments import count
from torch_rbm.cli.cases import add_data, add_table, check_table_file
from torch_rbm.cli.command import Command
from torch_rbm.cli.models import TrainedRBM, add_model
from torch_rbm.cli.writers import write_table


def _impute_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser)
    add_table(parser)
    parser.add_argument(
        "--samples",
        action="store_true",
        help="states drawn given what is known, instead of their means over the steps",
    )
    parser.add_argument(
        "--steps",
        type=count,
        default=200,
        help="random Gibbs steps for each case: more of them, less noise in the means",
    )


def _impute(options: argparse.Namespace) -> None:
    check_table_file(options)
    model = TrainedRBM.load(options.model)
    table = model.read(options, missing=True)
    data = table.data
    cases = data.to(model.rbm.weight.dtype)
    filled = torch_rbm.fill_in(model.rbm, cases, steps=options.steps, sample=options.samples)
    unknown = data.isnan()
    # What is known stays as it is, where the model has fewer digits, too.
    whole = torch.where(unknown, filled.to(data.dtype), data)
    write_table(whole, options.out, model.columns or table.names, table.cases)
    missing = int(unknown.sum())
    print(f"{missing} of {data.numel()} values were missing; all are in {options.out}")


IMPUTE = Command(
    "impute",
    "fill in missing values",
    "Copy a table of cases, with what the model expects, given the other values of a case, where "
    "cells are empty or NA. Values that are there stay as they are.",
    _impute_arguments,
    _impute,
)
