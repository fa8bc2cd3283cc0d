"""The command line: torch-rbm and its commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch

import torch_rbm
from torch_rbm.cli import commands
from torch_rbm.cli.arguments import count
from torch_rbm.cli.command import Command

_ERRORS = (ValueError, TypeError, OSError, FloatingPointError, ImportError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 for bad input, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.seed is not None:
        torch.manual_seed(options.seed)
    try:
        options.run(options)
    except _ERRORS as error:
        # Functions begin their messages with their names, as Python's users need them.
        words = str(error).removeprefix(f"{options.command}: ")
        print(f"torch-rbm {options.command}: {words}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        after = f"; {interrupt}" if str(interrupt) else ""
        print(f"\ntorch-rbm {options.command}: stopped{after}", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    result = argparse.ArgumentParser(
        prog="torch-rbm",
        description="Restricted Boltzmann machines: learn what a data set looks like, judge new "
        "cases by it, draw samples, compute features.",
        epilog="Data: .npy, .npz (one array, or scipy.sparse), .csv, idx files such as MNIST's, "
        "gzipped or not, or .pt with a tensor; one row for each case. "
        "Try: torch-rbm demo",
    )
    result.add_argument("--version", action="version", version=f"torch_rbm {torch_rbm.__version__}")
    _add_commands(result, commands.ALL, "")
    return result


def _add_commands(parent: argparse.ArgumentParser, added: Sequence[Command], prefix: str) -> None:
    add = parent.add_subparsers(required=True, metavar="COMMAND")
    for command in added:
        sub = add.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        name = f"{prefix}{command.name}"
        if command.subcommands:
            _add_commands(sub, command.subcommands, f"{name} ")
            continue
        if command.add_arguments is not None:
            command.add_arguments(sub)
        sub.add_argument(
            "--seed", type=int, help="of the random numbers, for the same result twice"
        )
        sub.add_argument("--threads", type=count, help="CPU threads; PyTorch's choice if not given")
        sub.set_defaults(run=command.run, command=name)
