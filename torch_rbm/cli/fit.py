"""`torch-rbm fit`: a model from a file of cases."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import torch_rbm
from torch_rbm.cli.arguments import (
    add_quiet,
    count,
    not_negative,
    positive,
)
from torch_rbm.cli.cases import (
    add_binarize,
    add_complete_cases,
    add_data,
    check_cases,
    read_data,
    say_of_means,
    states_of,
    warn_of_numbering,
    without_incomplete,
)
from torch_rbm.cli.command import Command
from torch_rbm.cli.readers import read_table
from torch_rbm.files import check_folder
from torch_rbm.rbm import RBM
from torch_rbm.standardization import Standardization
from torch_rbm.training import Epoch, RBMEpoch
from torch_rbm.training.factories import OptimizerFactory, adam, default_optimizer
from torch_rbm.units import Units

_LOSSES: dict[str, Any] = {
    "cd": torch_rbm.ContrastiveDivergence,
    "pcd": torch_rbm.PersistentContrastiveDivergence,
    "fpcd": torch_rbm.FastPersistentContrastiveDivergence,
    "tempering": torch_rbm.ParallelTempering,
    "trajectory": torch_rbm.TrajectoryTempering,
    "mean-field": torch_rbm.MeanFieldContrastiveDivergence,
    "exact": torch_rbm.ExactLikelihood,
}
# Hidden units where nobody says how many, if there are as many columns.
_HIDDEN = 500
# Multiplications of a product from which on a second thread pays.
_WORK_FOR_THREADS = 2_000_000
# Gibbs steps that draw missing values, for every batch.
_STEPS_FOR_MISSING = 5
_WITH_CHAINS = ("pcd", "fpcd", "tempering", "trajectory")
_ADAM_RATE = 0.01


def _fit_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    add_complete_cases(parser)
    parser.add_argument("--out", required=True, metavar="MODEL", help="file for the model")
    parser.add_argument(
        "--hidden",
        type=count,
        help=f"number of hidden units: as many as columns if not given, {_HIDDEN} at most",
    )
    parser.add_argument(
        "--units",
        default="bernoulli",
        help="what the columns are: bernoulli (0 or 1), spin (-1 or 1), gaussian (real numbers on "
        "any scale), relu (not negative), categorical(K) (one-hot in groups of K columns), or "
        'groups such as "gaussian:784, categorical:10"',
    )
    parser.add_argument("--hidden-units", default="bernoulli", help="what the hidden units are")
    add_binarize(parser, "anew in every epoch")
    parser.add_argument(
        "--epochs",
        type=count,
        help="passes over the data: 10 if not given, more where that is not 5,000 updates",
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
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd", help="the optimizer")
    parser.add_argument(
        "--rate",
        type=positive,
        help="learning rate at first, from which it falls to zero: 0.2 if not given, 0.5 over the "
        "root of the number of columns at most where there are gaussian or relu units, 0.01 for "
        "adam",
    )
    parser.add_argument("--weight-decay", type=not_negative, default=0.0, help="of the weights")
    parser.add_argument(
        "--validation",
        metavar="DATA",
        help="cases whose likelihood is estimated in every epoch, those that miss no values",
    )
    parser.add_argument(
        "--patience",
        type=count,
        help="stop after so many epochs without a better validation; while the rate is high "
        "likelihoods are noisy, and too little patience ends a training too early",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="where to keep the state of the training, also after Ctrl-C: the same command goes on "
        "from there, and removes it at the end. MODEL with .checkpoint added if not given",
    )
    parser.add_argument("--log", metavar="CSV", help="file for the numbers of each epoch")
    add_quiet(parser)


def _fit(options: argparse.Namespace) -> None:
    if options.patience is not None and options.validation is None:
        raise ValueError("expected a file as --validation where there is a --patience, got none")
    table = read_data(options)
    for path in filter(None, (options.out, options.log, options.checkpoint)):
        check_folder(path)
    rbm = _rbm(options, table.data.shape[1])
    known = check_cases(table, rbm, missing=True)
    if rbm.visible_layer().continuous:
        warn_of_numbering(table)
    if not options.binarize:
        say_of_means(table, rbm, "in every epoch")
    # Real numbers are standardised for the training alone: the model is of the data as they are.
    standardization = Standardization.of(table.data, rbm.visible_layer())
    data = standardization.apply(table.data)
    torch_rbm.initialize(rbm, data, observed=known)
    validation = None
    if options.validation is not None:
        other = read_table(options.validation, options.scale, options.drop, table.names)
        other = without_incomplete(other)  # others have no likelihood
        other = replace(other, data=states_of(other.data, options.binarize))
        check_cases(other, rbm, states=True)
        validation = standardization.apply(other.data)
    if options.threads is None and _is_small(rbm, max(options.batch_size or 0, options.chains)):
        torch.set_num_threads(1)
    checkpoint = Path(options.checkpoint or f"{options.out}.checkpoint")
    try:
        history = torch_rbm.fit(
            rbm,
            data,
            epochs=options.epochs,
            batch_size=options.batch_size,
            loss=_loss(options),
            optimizer=_optimizer(options, rbm),
            weight_decay=options.weight_decay,
            binarize=options.binarize,
            transform=None if known is None else _filled_in(rbm),
            validation=validation,
            patience=options.patience,
            callbacks=[] if options.log is None else [_Log(options.log, standardization)],
            checkpoint=checkpoint,
            progress=not options.quiet,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the same command goes on from {checkpoint}") from None
    torch_rbm.save(standardization.of_raw_data(rbm), options.out, columns=table.names)
    checkpoint.unlink(missing_ok=True)
    if validation is not None:
        number, which = history.best_epoch, "the best"
        if number is None:
            number, which = len(history.epochs), "the last, before weights were averaged"
        likelihood = _of_raw_data(history.epochs[number - 1], standardization).log_likelihood
        print(f"log-likelihood of a validation case in epoch {number}, {which}: {likelihood:.4f}")
    print(f"{rbm} in {options.out}; torch-rbm evaluate {options.out} DATA says how good it is")


class _Log(torch_rbm.CSVLog):
    """A log whose likelihoods are of the data as they are, as those that ``evaluate`` prints."""

    def __init__(self, path: str, standardization: Standardization) -> None:
        super().__init__(path)
        self._standardization = standardization

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Add a line."""
        assert isinstance(epoch, RBMEpoch)
        super().on_epoch(module, _of_raw_data(epoch, self._standardization))


def _of_raw_data(epoch: RBMEpoch, standardization: Standardization) -> RBMEpoch:
    if epoch.log_likelihood is None:
        return epoch
    return replace(epoch, log_likelihood=epoch.log_likelihood + standardization.log_density_shift)


def _rbm(options: argparse.Namespace, visible: int) -> RBM:
    units = Units("fit", "--units", options.units, visible)
    return RBM(
        visible,
        options.hidden or min(visible, _HIDDEN),
        visible_units=units.as_argument(),
        hidden_units=options.hidden_units,
        learn_precision=units.continuous,
    )


def _loss(options: argparse.Namespace) -> Callable[[RBM], nn.Module]:
    arguments: dict[str, Any] = {"steps": options.steps, "centered": True}
    if options.loss in _WITH_CHAINS:
        arguments["chains"] = options.chains
    if options.loss == "exact":
        del arguments["steps"]
    return partial(_LOSSES[options.loss], **arguments)


def _filled_in(rbm: RBM) -> Callable[[Tensor], Tensor]:
    """Draw missing values anew for every batch: so the model learns from those that are there."""
    return partial(torch_rbm.fill_in, rbm, sample=True, steps=_STEPS_FOR_MISSING)


def _optimizer(options: argparse.Namespace, rbm: RBM) -> OptimizerFactory:
    if options.optimizer == "adam":
        return partial(adam, lr=options.rate or _ADAM_RATE)
    return default_optimizer(rbm, options.rate)


def _is_small(rbm: RBM, rows: int) -> bool:
    """Whether threads would wait for each other longer than they work, as on a busy machine."""
    return rbm.weight.numel() * rows < _WORK_FOR_THREADS


FIT = Command(
    "fit",
    "train an RBM on a file of cases",
    "Train an RBM on a file of cases and write the model to a file.",
    _fit_arguments,
    _fit,
)
