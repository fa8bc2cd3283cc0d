"""What each command takes and does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import torch_rbm
from torch_rbm.cli.arguments import count, height_and_width, named
from torch_rbm.cli.cases import add_complete_cases, add_data, add_table, check_table_file
from torch_rbm.cli.command import Command
from torch_rbm.cli.demo import run_demo
from torch_rbm.cli.evaluate import EVALUATE
from torch_rbm.cli.fit import FIT
from torch_rbm.cli.impute import IMPUTE
from torch_rbm.cli.models import TrainedRBM, add_model
from torch_rbm.cli.recommend import RECOMMEND
from torch_rbm.cli.score import SCORE
from torch_rbm.cli.writers import TABLES, write_table
from torch_rbm.deployment import to_onnx, to_package
from torch_rbm.files import check_folder, save_scripted
from torch_rbm.losses.estimate import independent_chains
from torch_rbm.plotting import picture_shape, save_samples

_FORMATS = {".pt": "TorchScript", ".pt2": "AOTInductor package", ".onnx": "ONNX"}


def _sample_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
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
    model = TrainedRBM.load(options.model)
    rbm = model.rbm
    check_folder(options.out)
    is_picture = options.out.endswith(".png")
    if is_picture:
        try:
            picture_shape(rbm.visible_bias.numel(), options.shape)
        except ValueError as error:
            raise ValueError(f"{error}; give --shape, or a file in .csv or .npy") from None
    states, last = rbm.gibbs(independent_chains(rbm, options.n), options.steps)
    if options.means:
        states = rbm.visible_mean(last)
    if is_picture:
        save_samples(states, options.out, shape=options.shape)
    else:
        write_table(states, options.out, model.columns)
    print(f"{options.n} samples of {states.shape[1]} units in {options.out}")


def _features_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser)
    add_complete_cases(parser)
    add_table(parser)


@torch.no_grad()
def _features(options: argparse.Namespace) -> None:
    check_table_file(options)
    model = TrainedRBM.load(options.model)
    table = model.read(options)
    features = model.rbm(model.taken(table.data))
    names = [f"hidden {unit}" for unit in range(1, features.shape[1] + 1)]
    model.write(features, names, table, options.out)
    print(f"{features.shape[0]} x {features.shape[1]} features in {options.out}")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
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
        help="what a package or ONNX computes: forward, free_energy, ...; gibbs, of a package, is "
        "one step (TorchScript has all)",
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
    EVALUATE,
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
        _features_arguments,
        _features,
    ),
    SCORE,
    IMPUTE,
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
