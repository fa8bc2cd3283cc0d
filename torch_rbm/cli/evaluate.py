"""`torch-rbm evaluate`: how likely cases are, and what simpler models make of them."""

from __future__ import annotations

import argparse
import json
import math

import torch_rbm
from torch_rbm.cli.arguments import add_quiet
from torch_rbm.cli.baselines import gaussian, independent
from torch_rbm.cli.cases import add_binarize, add_complete_cases, add_data, states_of
from torch_rbm.cli.command import Command
from torch_rbm.cli.models import TrainedRBM, add_method, add_model

_INDEPENDENT = "a model of independent units"
_GAUSSIAN = "a Gaussian with all covariances"
_MIXED = "a Gaussian with means linear in the discrete columns, which are independent,"
# Nats, below which a model that has learned nothing is not worse than none.
_NOTICEABLE = 0.01


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser)
    add_complete_cases(parser)
    add_binarize(parser, "once, by a fixed seed")
    add_method(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_quiet(parser)


def _evaluate(options: argparse.Namespace) -> None:
    model = TrainedRBM.load(options.model)
    rbm = model.rbm
    data = states_of(model.cases(options, states=not options.binarize), options.binarize)
    estimate = torch_rbm.log_likelihood(
        rbm, data, method=options.method, progress=not options.quiet
    )
    units = rbm.visible_layer()
    found = {"independent": independent(rbm, data), "gaussian": gaussian(units, data)}
    baselines = {name: value for name, value in found.items() if value is not None}
    if options.json:
        names = ("value", "error", "method", "ess", "lower", "upper")
        values = {name: getattr(estimate, name) for name in names} | baselines
        # JSON has no infinity, which the effective sample size of what is exact is.
        print(json.dumps({k: None if v == math.inf else v for k, v in values.items()}))
    else:
        print(f"log-likelihood of a case: {estimate}")
        labels = {
            "independent": _INDEPENDENT,
            "gaussian": _GAUSSIAN if units.only else _MIXED,
        }
        for name, value in baselines.items():
            print(f"{labels[name]} that fits these cases would have {value:.4f}")
        if estimate.value < baselines["independent"] - _NOTICEABLE:
            print("the model is worse: more --epochs, another --rate or fewer --hidden may help")


EVALUATE = Command(
    "evaluate",
    "log-likelihood of cases under a model",
    "Print the mean log-likelihood of cases under a model, in nats per case, with its error.",
    _evaluate_arguments,
    _evaluate,
)
