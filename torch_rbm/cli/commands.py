"""What each command takes and does."""

from __future__ import annotations

import argparse
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import torch_rbm
from torch_rbm.cli.arguments import (
    check_folder,
    count,
    height_and_width,
    named,
    not_negative,
    positive,
)
from torch_rbm.cli.command import Command
from torch_rbm.cli.demo import run_demo
from torch_rbm.cli.readers import read_cases
from torch_rbm.cli.recommend import RECOMMEND
from torch_rbm.cli.writers import TABLES, write_table
from torch_rbm.deployment import to_onnx, to_package
from torch_rbm.files import save_scripted
from torch_rbm.losses.estimate import independent_chains
from torch_rbm.plotting import picture_shape, save_samples
from torch_rbm.rbm import RBM

_LOSSES: dict[str, Any] = {
    "cd": torch_rbm.ContrastiveDivergence,
    "pcd": torch_rbm.PersistentContrastiveDivergence,
    "fpcd": torch_rbm.FastPersistentContrastiveDivergence,
    "tempering": torch_rbm.ParallelTempering,
    "trajectory": torch_rbm.TrajectoryTempering,
    "mean-field": torch_rbm.MeanFieldContrastiveDivergence,
    "exact": torch_rbm.ExactLikelihood,
}
_FORMATS = {".pt": "TorchScript", ".pt2": "AOTInductor package", ".onnx": "ONNX"}
# What a training makes at least, unless it is told how long it shall be.
_UPDATES = 10_000
_WITH_CHAINS = ("pcd", "fpcd", "tempering", "trajectory")
_OPTIMIZERS: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="file with one row for each case")
    parser.add_argument("--scale", type=positive, help="divide the data by this, 255 for pixels")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="file that `torch-rbm fit` has written")


def _add_binarize(parser: argparse.ArgumentParser, when: str) -> None:
    parser.add_argument(
        "--binarize",
        action="store_true",
        help=f"take values between 0 and 1 as probabilities, and draw 0 or 1 from them {when}",
    )


def _fit_arguments(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--out", required=True, metavar="MODEL", help="file for the model")
    parser.add_argument("--hidden", type=count, default=500, help="number of hidden units")
    parser.add_argument(
        "--units",
        default="bernoulli",
        help="what the columns are: bernoulli (0 or 1), spin (-1 or 1), gaussian (any number, "
        "standardised), relu (not negative), categorical(K) (one-hot in groups of K columns), or "
        'groups such as "gaussian:784, categorical:10"',
    )
    parser.add_argument("--hidden-units", default="bernoulli", help="what the hidden units are")
    _add_binarize(parser, "anew in every epoch")
    parser.add_argument(
        "--epochs",
        type=count,
        help=f"passes over the data: 20 if not given, more where that is not {_UPDATES:,} updates",
    )
    parser.add_argument(
        "--batch-size",
        type=count,
        help="cases of an update: 100 if not given, a hundredth of all but 10 at least where there "
        "are few",
    )
    parser.add_argument("--loss", choices=_LOSSES, default="pcd", help="how to train")
    parser.add_argument("--steps", type=count, default=1, help="Gibbs steps of an update")
    parser.add_argument("--chains", type=count, default=100, help="of pcd, fpcd and the temperings")
    parser.add_argument("--optimizer", choices=_OPTIMIZERS, default="sgd", help="the optimizer")
    parser.add_argument(
        "--rate",
        type=positive,
        help="learning rate at first, from which it falls to zero: 0.2 if not given, 0.01 for "
        "gaussian and relu units, 0.001 for adam",
    )
    parser.add_argument("--weight-decay", type=not_negative, default=0.0, help="of the weights")
    parser.add_argument(
        "--validation", metavar="DATA", help="cases whose likelihood is estimated in every epoch"
    )
    parser.add_argument(
        "--patience", type=count, help="stop after so many epochs without a better validation"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="where to keep the state of the training, also after Ctrl-C: the same command goes on "
        "from there, and removes it at the end. MODEL with .checkpoint added if not given",
    )
    parser.add_argument("--log", metavar="CSV", help="file for the numbers of each epoch")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _fit(options: argparse.Namespace) -> None:
    data = read_cases(options.data, options.scale)
    for path in (options.out, options.log, options.checkpoint):
        check_folder(path)
    rbm = RBM(
        data.shape[1],
        options.hidden,
        visible_units=options.units,
        hidden_units=options.hidden_units,
    )
    _check_data(options.data, rbm, data)
    torch_rbm.initialize(rbm, data)
    loss = {"steps": options.steps, "centered": True}
    if options.loss in _WITH_CHAINS:
        loss["chains"] = options.chains
    if options.loss == "exact":
        del loss["steps"]
    rate = options.rate
    if rate is None and options.optimizer == "adam":
        rate = 1e-3
    optimizer = None
    if rate is not None:
        optimizer = partial(_OPTIMIZERS[options.optimizer], lr=rate)
    validation = None
    if options.validation is not None:
        validation = _states(read_cases(options.validation, options.scale), options.binarize)
        _check_data(options.validation, rbm, validation, states=True)
    batch_size = options.batch_size or min(max(len(data) // 100, 10), 100)
    checkpoint = Path(options.checkpoint or f"{options.out}.checkpoint")
    try:
        history = torch_rbm.fit(
            rbm,
            data,
            epochs=options.epochs or max(20, math.ceil(_UPDATES * batch_size / len(data))),
            batch_size=batch_size,
            loss=partial(_LOSSES[options.loss], **loss),
            optimizer=optimizer,
            weight_decay=options.weight_decay,
            binarize=options.binarize,
            validation=validation,
            patience=options.patience,
            callbacks=[] if options.log is None else [torch_rbm.CSVLog(options.log)],
            checkpoint=checkpoint,
            progress=not options.quiet,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the same command goes on from {checkpoint}") from None
    torch_rbm.save(rbm, options.out)
    checkpoint.unlink(missing_ok=True)
    if history.best_epoch is not None:
        print(f"best validation likelihood in epoch {history.best_epoch}")
    print(f"{rbm} in {options.out}")


def _check_data(path: str, rbm: RBM, data: Tensor, states: bool = False) -> None:
    """Require data that the visible units can have; say which option may be missing."""
    try:
        rbm.visible_layer().check(path, "data", data, states=states)
    except ValueError as error:
        top = data.max() if data.layout == torch.strided and data.numel() > 0 else 0
        hint = ""
        if top == 255:
            hint = "; for pixels from 0 to 255 use --scale 255"
        elif states and top <= 1:
            hint = "; with --binarize they are probabilities of 0 and 1"
        raise ValueError(f"{error}{hint}") from None


def _states(data: Tensor, binarize: bool) -> Tensor:
    """Data as they are, or drawn once from probabilities, always alike."""
    if not binarize:
        return data
    uniform = torch.rand(data.shape, generator=torch.Generator().manual_seed(0))
    return (uniform < data.float()).float()


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser)
    _add_binarize(parser, "once, by a fixed seed")
    parser.add_argument(
        "--method",
        choices=("auto", "exact", "ais"),
        default="auto",
        help="how to find the partition function: by enumeration, for small models, or by annealed "
        "importance sampling",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _load_rbm(path: str) -> torch_rbm.RBM:
    model = torch_rbm.load(path)
    if not isinstance(model, torch_rbm.RBM):
        raise ValueError(f"expected {path} to hold an RBM, got a {type(model).__name__}")
    return model


def _evaluate(options: argparse.Namespace) -> None:
    rbm = _load_rbm(options.model)
    data = _states(read_cases(options.data, options.scale), options.binarize)
    _check_data(options.data, rbm, data, states=True)
    estimate = torch_rbm.log_likelihood(
        rbm, data, method=options.method, progress=not options.quiet
    )
    if options.json:
        names = ("value", "error", "method", "ess", "lower", "upper")
        print(json.dumps({name: getattr(estimate, name) for name in names}))
    else:
        print(f"log-likelihood of a case: {estimate}")
        print(f"independent units that fit these cases would have {_independent(rbm, data):.4f}")


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


def _features_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser)
    parser.add_argument(
        "--out",
        required=True,
        type=named(*TABLES),
        metavar="FILE",
        help="file.npy or file.csv with a row for each case",
    )


@torch.no_grad()
def _features(options: argparse.Namespace) -> None:
    rbm = _load_rbm(options.model)
    data = read_cases(options.data, options.scale)
    _check_data(options.data, rbm, data)
    check_folder(options.out)
    data = data if data.dtype in (torch.bool, torch.uint8) else data.to(rbm.weight.dtype)
    features = rbm(data)
    write_table(features, options.out)
    print(f"{features.shape[0]} x {features.shape[1]} features in {options.out}")


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
    Command(
        "fit",
        "train an RBM on a file of cases",
        "Train an RBM on a file of cases and write the model to a file.",
        _fit_arguments,
        _fit,
    ),
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
        _features_arguments,
        _features,
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
