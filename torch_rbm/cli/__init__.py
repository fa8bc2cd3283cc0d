"""The command line: torch-rbm and its commands."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import torch

import torch_rbm
from torch_rbm.cli import commands
from torch_rbm.cli.arguments import count, meant
from torch_rbm.cli.command import Command

_ERRORS = (ValueError, TypeError, OSError, FloatingPointError, ImportError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 for bad input, 130 after Ctrl-C."""
    options, unknown = parser().parse_known_args(arguments)
    if unknown:
        options.refuse(unknown)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.seed is not None:
        torch.manual_seed(options.seed)
    try:
        with _warnings_in_plain_words(options.command):
            options.run(options)
    except _ERRORS as error:
        _say(options.command, str(error))
        return 1
    except KeyboardInterrupt as interrupt:
        after = f"; {interrupt}" if str(interrupt) else ""
        print(f"\ntorch-rbm {options.command}: stopped{after}", file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """One whose errors are one line: the usage above it would be what is seen first."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help says more\n")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help with the defaults of options that have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        absent = action.default is None or action.default is False or action.default == []
        return action.help if absent else super()._get_help_string(action)


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    result = _Parser(
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
            formatter_class=_Help,
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
        sub.set_defaults(run=command.run, command=name, refuse=partial(_refuse, sub))


def _refuse(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> NoReturn:
    """Say what a command does not know, and what it may have been meant to be."""
    names = re.findall(r"--[\w-]+", parser.format_usage())
    words = " ".join(f"{word}{meant(word, names)}" for word in unknown)
    parser.error(f"unrecognized arguments: {words}")


def _say(command: str, message: str, kind: str = "") -> None:
    """Print a message without the function's name, with which it begins for Python's users."""
    words = message.removeprefix(f"{command}: ")
    print(f"torch-rbm {command}: {kind}{words}", file=sys.stderr)


@contextmanager
def _warnings_in_plain_words(command: str) -> Iterator[None]:
    """Print warnings as errors are printed: where they are raised means nothing here."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        _say(command, str(message), "warning: ")

    with warnings.catch_warnings():
        warnings.showwarning = show
        # What libraries will change is no matter of those who use commands.
        warnings.simplefilter("ignore", FutureWarning)
        yield
