"""Files that are either whole or not there, and that run no code when they are read."""

from __future__ import annotations

import gzip
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import nn


def save_atomically(content: Any, path: str | os.PathLike[str]) -> None:
    """Write what ``torch.save`` can to a file; see :func:`write_atomically`."""
    write_atomically(path, lambda file: torch.save(content, file))


def save_scripted(module: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write a module as TorchScript to a file; see :func:`write_atomically`."""
    scripted = torch.jit.script(module)
    write_atomically(path, lambda file: torch.jit.save(scripted, file))


def write_atomically(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that a reader finds the old or the new one, whole.

    A temporary file beside it is written, flushed to the disk and renamed.

    Args:
        path: the file.
        write: writes the content to a binary file.

    Raises:
        FileNotFoundError: its folder does not exist.
    """
    target, folder = Path(path), check_folder(path)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if os.name == "posix":  # so that the rename itself is on the disk
        entry = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)


def open_unzipped(path: Path) -> IO[bytes]:
    """Open a file, or what is in it where its name ends in ``.gz``."""
    if path.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def check_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder that a file would be written to.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder {folder} for {Path(path).name}, found none")
    return folder


@contextmanager
def content_of(where: str, path: str | os.PathLike[str], *kinds: str) -> Iterator[dict[str, Any]]:
    """Give the dict that ``save_atomically`` has written to those who make something of it.

    No code from the file is run.

    Args:
        where: the caller's name, for messages.
        path: the file.
        kinds: what its entry ``"kind"`` may be.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none of these kinds, or what is made of it could not be made.
    """
    content = _load(where, path, kinds)
    with parts_of(where, path):
        yield content


def _load(where: str, path: str | os.PathLike[str], kinds: tuple[str, ...]) -> dict[str, Any]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{where}: expected a file {os.fspath(path)}, found none")
    wanted = f"{where}: expected {os.fspath(path)} to be a {kinds[0]} of torch_rbm"
    if _is_torchscript(path):
        raise ValueError(f"{wanted}, got a TorchScript file, as torch.jit.load reads it")
    try:
        # Opened here: of a name torch.load would guess at the format.
        with Path(path).open("rb") as file:
            damaged = _damaged_part(file)
            file.seek(0)
            content = _dicts(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # whose text speaks of reading it without weights_only
        raise ValueError(f"{wanted}, got a file that is none") from error
    if damaged is not None:
        raise ValueError(f"{wanted}, got a damaged file: {damaged} is not what was written")
    if not isinstance(content, dict) or content.get("kind") not in kinds:
        raise ValueError(f"{wanted}, got a file of something else")
    return content


@contextmanager
def parts_of(where: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Say of a file whose content does not make what it should that it is not whole.

    Args:
        where: the caller's name, for messages.
        path: the file.

    Raises:
        ValueError: what is made of the content could not be made.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{where}: expected {os.fspath(path)} to be whole, got parts that do not fit together: "
            f"{reason}"
        ) from error


def _is_torchscript(path: str | os.PathLike[str]) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except Exception:  # no archive, or a broken one, which what reads it will say
        return False


def _damaged_part(file: IO[bytes]) -> str | None:
    """The first part of an archive whose checksum is wrong, which torch.load does not look at."""
    with zipfile.ZipFile(file) as archive:
        return archive.testzip()


def _dicts(content: Any) -> Any:
    """Return dicts for the tuples of pairs that C++ programs write in their place."""
    is_pairs = isinstance(content, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in content
    )
    if is_pairs and content:
        return {name: _dicts(value) for name, value in content}
    return list(content) if isinstance(content, tuple) else content


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
