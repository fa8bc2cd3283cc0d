"""Models as files that run without this code: packages of AOTInductor, and ONNX."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from torch_rbm.files import write_atomically
from torch_rbm.validation import words


class _Method(nn.Module):
    """A method of a module as the forward of another."""

    def __init__(self, where: str, module: nn.Module, method: str) -> None:
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(f"{where}: expected a torch.nn.Module, got {words(module)}")
        if not callable(getattr(module, method, None)):
            raise ValueError(
                f"{where}: expected a method of {type(module).__name__}, got {method!r}"
            )
        self.module = module
        self.method = method

    def forward(self, data: Tensor) -> Tensor:
        result: Tensor = getattr(self.module, self.method)(data)
        return result


def to_exported_program(
    module: nn.Module, example: Tensor, *, method: str = "forward"
) -> torch.export.ExportedProgram:
    """Export a method of a module, such as an RBM, for any number of rows.

    Args:
        module: an RBM, a deep belief net, a network that one became, or what else has the method.
        example: a batch that it can be called with, two rows or more, [batch, visible].
        method: "forward", "free_energy" or another method of one tensor.

    Returns:
        A program that calls the operators of torch_rbm, see :func:`torch.export.export`.

    Raises:
        TypeError, ValueError: an argument is not as described.
    """
    return _exported("to_exported_program", module, example, method)


def to_package(
    module: nn.Module,
    example: Tensor,
    path: str | os.PathLike[str],
    *,
    method: str = "forward",
) -> None:
    """Compile a method of a module by AOTInductor, and write it to a package.

    C++ programs run it by ``torch::inductor::AOTIModelPackageLoader``, Python programs by
    ``torch._inductor.aoti_load_package``; either must have loaded torch_rbm before. A C++ compiler
    is needed here. The package is for this kind of processor.

    Args:
        module: see :func:`to_exported_program`.
        example: likewise.
        path: a file with suffix .pt2, replaced whole if there is one.
        method: see :func:`to_exported_program`.

    Raises:
        TypeError, ValueError: an argument is not as described.
    """
    where = "to_package"
    if Path(path).suffix != ".pt2":
        raise ValueError(f"{where}: expected a file with suffix .pt2, got {os.fspath(path)!r}")
    program = _exported(where, module, example, method)
    with tempfile.TemporaryDirectory() as folder:
        made = torch._inductor.aoti_compile_and_package(
            program, package_path=str(Path(folder) / "model.pt2")
        )
        with open(made, "rb") as package:
            write_atomically(path, lambda file: shutil.copyfileobj(package, file))


def to_onnx(
    module: nn.Module,
    example: Tensor,
    path: str | os.PathLike[str],
    *,
    method: str = "forward",
) -> None:
    """Write a method of a module, without any random number, as ONNX.

    The file has standard operators alone: runtimes need to know nothing of torch_rbm.

    Args:
        module: see :func:`to_exported_program`.
        example: likewise.
        path: the file, replaced whole if there is one.
        method: a method without random numbers, such as "forward" or "free_energy".

    Raises:
        ImportError: onnx or onnxscript is not installed.
        TypeError, ValueError: an argument is not as described, or the method draws random numbers.
    """
    where = "to_onnx"
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{where} needs onnxscript: pip install torch_rbm[onnx]") from error
    program = _exported(where, module, example, method, formulas=True)
    with torch.no_grad(), _errors_alone("torch.onnx"):
        written = torch.onnx.export(
            program, input_names=["data"], output_names=[method], dynamo=True, verbose=False
        )
    if written is None:
        raise RuntimeError(f"{where}: expected an ONNX program of torch.onnx.export, got none")
    content = written.model_proto.SerializeToString()
    write_atomically(path, lambda file: file.write(content))


@contextmanager
def _errors_alone(logger: str) -> Iterator[None]:
    """Keep a logger from saying what is no error, such as which libraries it has not found."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _exported(
    where: str, module: nn.Module, example: Tensor, method: str, *, formulas: bool = False
) -> torch.export.ExportedProgram:
    callee: nn.Module = _Method(where, module, method).eval()
    if not isinstance(example, Tensor) or example.dim() < 2 or len(example) < 2:
        raise ValueError(
            f"{where}: expected example to be a tensor of two rows or more, got {words(example)}"
        )
    batch = torch.export.Dim("batch", min=1)
    with torch.no_grad():
        if formulas:
            callee = _formula(where, callee, example, method)
        return torch.export.export(callee, (example,), dynamic_shapes=({0: batch},), strict=False)


def _formula(where: str, callee: nn.Module, example: Tensor, method: str) -> nn.Module:
    """The same in PyTorch's own operators, which is what ours become where they are mapped over."""
    # Slow to import, which the command line would wait for whatever it does.
    from torch.fx.experimental.proxy_tensor import make_fx

    def mapped(data: Tensor) -> Tensor:
        result: Tensor = torch.func.vmap(callee)(data.unsqueeze(0))
        return result.squeeze(0)

    try:
        mapped(example)
    except RuntimeError as error:
        if "randomness" not in str(error):
            raise
        raise ValueError(
            f"{where}: expected a method without random numbers, got {method!r}"
        ) from error
    return make_fx(
        mapped,
        decomposition_table={torch.ops.aten.softplus.default: _softplus},
        tracing_mode="symbolic",
        _allow_non_fake_inputs=True,
    )(example)


def _softplus(field: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Softplus of what onnxruntime has in float64, too: its own is in float32 alone."""
    if field.dtype != torch.float64:
        return NotImplemented
    scaled = beta * field
    return (scaled.relu() + scaled.abs().neg().exp().log1p()) / beta
