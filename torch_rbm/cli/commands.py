"""What each command takes and does."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import torch_rbm
from torch_rbm.cli.arguments import (
    add_quiet,
    check_folder,
    count,
    height_and_width,
    named,
    shows_progress,
)
from torch_rbm.cli.cases import add_binarize, add_data, check_cases, states_of
from torch_rbm.cli.command import Command
from torch_rbm.cli.demo import run_demo
from torch_rbm.cli.fit import FIT
from torch_rbm.cli.readers import read_cases
from torch_rbm.cli.recommend import RECOMMEND
from torch_rbm.cli.writers import TABLES, write_table
from torch_rbm.deployment import to_onnx, to_package
from torch_rbm.files import save_scripted
from torch_rbm.losses.estimate import independent_chains
from torch_rbm.plotting import picture_shape, save_samples
from torch_rbm.rbm import RBM

_FORMATS = {".pt": "TorchScript", ".pt2": "AOTInductor package", ".onnx": "ONNX"}


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="file that `torch-rbm fit` has written")


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    add_data(parser)
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


def _load_rbm(path: str) -> torch_rbm.RBM:
    model = torch_rbm.load(path)
    if not isinstance(model, torch_rbm.RBM):
        raise ValueError(f"expected {path} to hold an RBM, got a {type(model).__name__}")
    return model


def _evaluate(options: argparse.Namespace) -> None:
    rbm = _load_rbm(options.model)
    data = states_of(read_cases(options.data, options.scale), options.binarize)
    check_cases(options.data, rbm, data, states=True)
    estimate = torch_rbm.log_likelihood(
        rbm, data, method=options.method, progress=shows_progress(options)
    )
    independent = _independent(rbm, data)
    if options.json:
        names = ("value", "error", "method", "ess", "lower", "upper")
        values = {name: getattr(estimate, name) for name in names} | {"independent": independent}
        # JSON has no infinity, which the effective sample size of what is exact is.
        print(json.dumps({k: None if v == math.inf else v for k, v in values.items()}))
    else:
        print(f"log-likelihood of a case: {estimate}")
        print(f"independent units that fit these cases would have {independent:.4f}")
        if estimate.value < independent:
            print("the model is worse: a lower --rate, more --epochs or fewer --hidden may help")


def _independent(rbm: RBM, data: Tensor) -> float:
    """The log-likelihood of the best model without weights, in nats per case."""
    plain = RBM(
        rbm.visible_bias.numel(),
        0,
        visible_units=rbm.visible_layer().as_argument(),
        learn_precision=rbm.visible_log_precision is not None,
    )
    torch_rbm.initialize(plain, data)
    return torch_rbm.log_likelihood(plain, data, progress=False).value


def _sample_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument(
        "--out",
        required=True,
        type=named(*TABLES, ".png"),
        metavar="FILE",
        help="file.npy or file.csv with a row for each sample, or a picture.png",
    )
    parser.add_argument("--n", type=count, default=100, help="how many")
    parser.add_argument("--steps", type=count, default=5000, help="Gibbs steps from random states")
    parser.add_argument("--means", action="store_true", help="means of the last step, not samples")
    parser.add_argument(
        "--shape", type=height_and_width, help="of a picture, 28x28; a square if not given"
    )


@torch.no_grad()
def _sample(options: argparse.Namespace) -> None:
    rbm = _load_rbm(options.model)
    check_folder(options.out)
    is_picture = options.out.endswith(".png")
    if is_picture:
        picture_shape(rbm.visible_bias.numel(), options.shape)
    states, last = rbm.gibbs(independent_chains(rbm, options.n), options.steps)
    if options.means:
        states = rbm.visible_mean(last)
    if is_picture:
        save_samples(states, options.out, shape=options.shape)
    else:
        write_table(states, options.out)
    print(f"{options.n} samples of {states.shape[1]} units in {options.out}")


def _table_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    add_data(parser)
    parser.add_argument(
        "--out",
        required=True,
        type=named(*TABLES),
        metavar="FILE",
        help="file.npy or file.csv with a row for each case",
    )


@torch.no_grad()
def _features(options: argparse.Namespace) -> None:
    rbm, data = _rbm_and_cases(options)
    features = rbm(data)
    write_table(features, options.out)
    print(f"{features.shape[0]} x {features.shape[1]} features in {options.out}")


@torch.no_grad()
def _score(options: argparse.Namespace) -> None:
    rbm, data = _rbm_and_cases(options)
    write_table(rbm.free_energy(data)[:, None], options.out)
    print(f"{len(data)} free energies in {options.out}: the higher, the less likely")


def _rbm_and_cases(options: argparse.Namespace) -> tuple[RBM, Tensor]:
    """The model, and the cases in a dtype that it takes."""
    rbm = _load_rbm(options.model)
    data = read_cases(options.data, options.scale)
    check_cases(options.data, rbm, data)
    check_folder(options.out)
    return rbm, data if data.dtype in (torch.bool, torch.uint8) else data.to(rbm.weight.dtype)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument(
        "--out",
        required=True,
        type=named(*_FORMATS),
        metavar="FILE",
        help="the format follows from the name: "
        + ", ".join(f"{suffix} {name}" for suffix, name in _FORMATS.items()),
    )
    parser.add_argument(
        "--method",
        default="forward",
        help="what a package or ONNX computes: forward, free_energy, ... (TorchScript has all)",
    )


def _example(model: Any, method: str) -> Tensor:
    """Two rows of what a method takes."""
    bottom = model.layers[0] if isinstance(model, torch_rbm.DBN) else model
    width = bottom.weight.shape[1]
    if isinstance(bottom, torch_rbm.ClassificationRBM) and method != "free_energy":
        width = bottom.data
    return bottom.weight.new_zeros(2, width)


def _export(options: argparse.Namespace) -> None:
    model = torch_rbm.load(options.model)
    check_folder(options.out)
    suffix = Path(options.out).suffix
    if suffix == ".pt":
        save_scripted(model, options.out)
    else:
        write = to_onnx if suffix == ".onnx" else to_package
        write(model, _example(model, options.method), options.out, method=options.method)
    needs = "any runtime" if suffix == ".onnx" else "programs that load torch_rbm first"
    print(f"{_FORMATS[suffix]} in {options.out}, for {needs}")


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="torch_rbm_demo", help="folder for what is made")


ALL = (
    FIT,
    Command(
        "evaluate",
        "log-likelihood of cases under a model",
        "Print the mean log-likelihood of cases under a model, in nats per case, with its error.",
        _evaluate_arguments,
        _evaluate,
    ),
    Command(
        "sample",
        "draw samples from a model",
        "Draw samples from a model by Gibbs steps.",
        _sample_arguments,
        _sample,
    ),
    Command(
        "features",
        "hidden means of cases",
        "Compute the means of the hidden units for each case.",
        _table_arguments,
        _features,
    ),
    Command(
        "score",
        "how unlikely each case is: its free energy",
        "Write the free energy of each case, in nats: the higher, the less like the cases of the "
        "training. To find what is unusual, train on what is usual alone.",
        _table_arguments,
        _score,
    ),
    Command(
        "export",
        "write a model for programs without this code",
        "Write a model as TorchScript, as a compiled package or as ONNX, by the name of the file.",
        _export_arguments,
        _export,
    ),
    Command(
        "demo",
        "train on handwritten digits and show what comes out",
        "Train on the handwritten digits of scikit-learn, and write the model, samples and a "
        "picture of them to a folder. Half a minute.",
        _demo_arguments,
        run_demo,
    ),
    RECOMMEND,
)
