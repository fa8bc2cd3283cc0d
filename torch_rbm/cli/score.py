"""`torch-rbm score`: how likely each case is."""

from __future__ import annotations

import argparse

import torch

import torch_rbm
from torch_rbm.cli.arguments import add_quiet
from torch_rbm.cli.cases import (
    add_binarize,
    add_complete_cases,
    add_data,
    add_table,
    check_table_file,
    say_of_means,
    states_of,
)
from torch_rbm.cli.command import Command
from torch_rbm.cli.models import TrainedRBM, add_method, add_model


def _score_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser)
    add_complete_cases(parser)
    add_binarize(parser, "once, by a fixed seed")
    add_table(parser)
    parser.add_argument(
        "--log-likelihood",
        action="store_true",
        help="write log-likelihoods, -F - log Z, in place of free energies F: log Z, the same for "
        "all cases, is found as by evaluate",
    )
    add_method(parser)
    add_quiet(parser)


@torch.no_grad()
def _score(options: argparse.Namespace) -> None:
    check_table_file(options)
    model = TrainedRBM.load(options.model)
    rbm = model.rbm
    table = model.read(options, states=options.log_likelihood and not options.binarize)
    if not options.binarize:
        say_of_means(table, rbm, "once")
    data = states_of(model.taken(table.data), options.binarize)
    scores = rbm.free_energy(data)
    if options.log_likelihood:
        log_z = torch_rbm.log_partition(
            rbm, data=data, method=options.method, progress=not options.quiet
        )
        scores = -scores - log_z.value
        column, said = "log-likelihood", f"log-likelihoods in {options.out}: log Z is {log_z}"
    else:
        column, said = "free energy", f"free energies in {options.out}: the higher, the less likely"
    model.write(scores[:, None], [column], table, options.out)
    print(f"{len(scores)} {said}")


SCORE = Command(
    "score",
    "how likely each case is: its free energy or log-likelihood",
    "Write the free energy of each case, in nats: the higher, the less like the cases of the "
    "training; or its log-likelihood. To find what is unusual, train on what is usual alone.",
    _score_arguments,
    _score,
)
