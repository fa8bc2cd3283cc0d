"""What may listen to a training: logs, and functions of one's own."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from torch_rbm.training.history import Epoch
from torch_rbm.validation import words

if TYPE_CHECKING:
    import os

    from torch import nn


class Callback:
    """Called by a training, such as ``fit``; every method does nothing unless it is overridden."""

    def on_start(self, module: nn.Module, done: list[Epoch]) -> None:
        """Training starts, or goes on after the epochs ``done``."""

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> bool | None:
        """An epoch has ended; return True to end the training."""

    def on_end(self, module: nn.Module) -> None:
        """Training has ended, or was broken off."""


def check_callbacks(where: str, callbacks: object) -> None:
    """Require a list or tuple of callbacks.

    Raises:
        TypeError: it is none.
    """
    wrong = callbacks
    if isinstance(callbacks, (list, tuple)):
        wrong = next((item for item in callbacks if not isinstance(item, Callback)), None)
        if wrong is None:
            return
    raise TypeError(
        f"{where}: expected callbacks to be a list of torch_rbm.Callback, got {words(wrong)}"
    )


class CSVLog(Callback):
    """Writes one line for each epoch to a CSV file.

    A resumed training goes on with the file where it was: lines of epochs after the checkpoint are
    written anew.

    Args:
        path: the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def on_start(self, module: nn.Module, done: list[Epoch]) -> None:
        """Write what is known."""
        self._path.write_text("")
        for epoch in done:
            self.on_epoch(module, epoch)

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Add a line, and names above the first one."""
        values = epoch.as_dict()
        with self._path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(values))
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(values)


class TensorBoardLog(Callback):
    """Writes the numbers of each epoch, and histograms of the parameters, for TensorBoard.

    Args:
        folder: where the event files go.

    Raises:
        ModuleNotFoundError: the package ``tensorboard`` is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "TensorBoardLog: expected the package tensorboard; pip install tensorboard"
            ) from error
        self._writer = SummaryWriter(str(folder))

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Write the epoch's numbers."""
        values = epoch.as_dict()
        number = values.pop("epoch")
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(name, value, number)
        for name, parameter in module.named_parameters():
            self._writer.add_histogram(name, parameter.detach(), number)

    def on_end(self, module: nn.Module) -> None:
        """Close the files."""
        self._writer.close()
