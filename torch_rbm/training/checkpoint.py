"""Everything that a training needs to go on as if it had never been stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torch_rbm.files import content_of, save_atomically
from torch_rbm.training.plan import difference

KIND = "training checkpoint"


class RandomState:
    """The state of the generators that a training draws from.

    Args:
        generator: the training's generator, or None for the default ones, which layers such as
            dropout draw from in any case.
        device: where its module is.
    """

    def __init__(self, generator: torch.Generator | None, device: torch.device) -> None:
        self._generator = generator
        self._device = device

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the states by name."""
        state = {"default": torch.get_rng_state()}
        if self._generator is not None:
            state["generator"] = self._generator.get_state()
        if self._device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self._device)
        return state

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Set the states to those that ``state_dict`` returned."""
        if self._generator is not None:
            self._generator.set_state(state["generator"])
        torch.set_rng_state(state["default"])
        if self._device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self._device)


class Checkpoint:
    """A file with the state of a training.

    Args:
        where: the caller's name, for messages.
        path: the file; it need not exist.

    Raises:
        FileNotFoundError: its folder does not exist.
    """

    def __init__(self, where: str, path: str | os.PathLike[str]) -> None:
        self.where = where
        self.path = Path(path)
        if not self.path.absolute().parent.is_dir():
            raise FileNotFoundError(
                f"{where}: expected a folder {self.path.absolute().parent} for the checkpoint, "
                "found none"
            )

    def exists(self) -> bool:
        """Whether there is a state to go on from."""
        return self.path.exists()

    def save(self, module: nn.Module, state: dict[str, Any]) -> None:
        """Write the state, and the module, an RBM so that it can be read without a training."""
        content = {
            "kind": KIND,
            "model": _description(module),
            "parameters": module.state_dict(),
            "training": state,
        }
        save_atomically(content, self.path)

    def load(self, module: nn.Module) -> dict[str, Any]:
        """Read the parameters into a module, and return the state.

        Raises:
            ValueError: the file is none of this kind, or of another model.
        """
        with content_of(self.where, self.path, KIND) as content:
            other = difference(content["model"], _description(module))
            if other:
                raise ValueError(
                    f"{self.where}: expected the checkpoint {self.path} to be of the same model, "
                    f"but it has {other}; remove it to begin anew"
                )
            module.load_state_dict(content["parameters"])
            state: dict[str, Any] = content["training"]
        return state


def _description(module: nn.Module) -> dict[str, Any]:
    """What a module is: enough to make an RBM, and of others to tell them from each other."""
    description = getattr(module, "description", None)
    if callable(description):
        result: dict[str, Any] = description()
        return result
    return {"class": type(module).__name__, "modules": repr(module)}
