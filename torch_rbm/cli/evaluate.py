"""`torch-rbm evaluate`: how likely cases are, and what simpler models make of them."""

from __future__ import annotations

import argparse
import json
import math

import torch
from torch import Tensor

import torch_rbm
from torch_rbm.cli.arguments import add_quiet
from torch_rbm.cli.cases import add_binarize, add_complete_cases, add_data, states_of
from torch_rbm.cli.command import Command
from torch_rbm.cli.models import TrainedRBM, add_model
from torch_rbm.rbm import RBM

_BASELINES = {
    "independent": "a model of independent units",
    "gaussian": "a Gaussian with all covariances",
}
# Nats, below which a model that has learned nothing is not worse than none.
_NOTICEABLE = 0.01
# Smallest eigenvalue of correlations that are no accident of rounding.
_COLLINEAR = 1e-6


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser)
    add_complete_cases(parser)
    add_binarize(parser, "once, by a fixed seed")
    parser.add_argument(
        "--method",
        choices=("auto", "exact", "ais"),
        default="auto",
        help="how to find the partition function: by enumeration, for small models, or by annealed "
        "importance sampling",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_quiet(parser)


def _evaluate(options: argparse.Namespace) -> None:
    model = TrainedRBM.load(options.model)
    rbm = model.rbm
    data = states_of(model.cases(options, states=not options.binarize), options.binarize)
    estimate = torch_rbm.log_likelihood(
        rbm, data, method=options.method, progress=not options.quiet
    )
    baselines = {"independent": _independent(rbm, data)}
    gaussian = _gaussian(data) if rbm.visible_layer().only == "gaussian" else None
    if gaussian is not None:
        baselines["gaussian"] = gaussian
    if options.json:
        names = ("value", "error", "method", "ess", "lower", "upper")
        values = {name: getattr(estimate, name) for name in names} | baselines
        # JSON has no infinity, which the effective sample size of what is exact is.
        print(json.dumps({k: None if v == math.inf else v for k, v in values.items()}))
    else:
        print(f"log-likelihood of a case: {estimate}")
        for name, value in baselines.items():
            print(f"{_BASELINES[name]} that fits these cases would have {value:.4f}")
        if estimate.value < baselines["independent"] - _NOTICEABLE:
            print("the model is worse: more --epochs, another --rate or fewer --hidden may help")


def _independent(rbm: RBM, data: Tensor) -> float:
    """The log-likelihood of the best model without weights, in nats per case."""
    # Densities are differences of large numbers where means are large beside deviations.
    dtype = torch.float64 if rbm.visible_layer().continuous else torch.float32
    plain = RBM(
        rbm.visible_bias.numel(),
        0,
        visible_units=rbm.visible_layer().as_argument(),
        learn_precision=rbm.visible_log_precision is not None,
        dtype=dtype,
    )
    data = data.to(dtype)
    torch_rbm.initialize(plain, data)
    return torch_rbm.log_likelihood(plain, data, progress=False).value


def _gaussian(data: Tensor) -> float | None:
    """The log-likelihood of the Gaussian that has the covariances of the data, in nats per case.

    None where some columns follow from others: a density could be as high as one likes there.
    """
    columns = data.double()
    shares = torch.linalg.eigvalsh(torch.corrcoef(columns.T).nan_to_num())
    if shares.min() < _COLLINEAR:
        return None
    logs = shares.log().sum() + columns.var(0, correction=0).log().sum()
    # The mean of a quadratic form in its own cases is the number of columns.
    entropy: float = 0.5 * (logs.item() + len(shares) * (1 + math.log(2 * math.pi)))
    return -entropy


EVALUATE = Command(
    "evaluate",
    "log-likelihood of cases under a model",
    "Print the mean log-likelihood of cases under a model, in nats per case, with its error.",
    _evaluate_arguments,
    _evaluate,
)
