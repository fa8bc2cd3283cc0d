"""Everything that a training needs to go on as if it had never been stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from torch_rbm.files import load, save_atomically
from torch_rbm.rbm import RBM

KIND = "training checkpoint"


class RandomState:
    """The state of the generators that a training draws from.

    Args:
        generator: the training's generator, or None for the default ones.
        device: where its RBM is.
    """

    def __init__(self, generator: torch.Generator | None, device: torch.device) -> None:
        self._generator = generator
        self._device = device

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the states by name."""
        if self._generator is not None:
            return {"generator": self._generator.get_state()}
        state = {"generator": torch.get_rng_state()}
        if self._device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self._device)
        return state

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Set the states to those that ``state_dict`` returned."""
        if self._generator is not None:
            self._generator.set_state(state["generator"])
            return
        torch.set_rng_state(state["generator"])
        if self._device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self._device)


class Checkpoint:
    """A file with the state of a training.

    Args:
        path: the file; it need not exist.

    Raises:
        FileNotFoundError: its folder does not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.absolute().parent.is_dir():
            raise FileNotFoundError(
                f"fit: expected a folder {self.path.absolute().parent} for the checkpoint, "
                "found none"
            )

    def exists(self) -> bool:
        """Whether there is a state to go on from."""
        return self.path.exists()

    def save(self, rbm: RBM, state: dict[str, Any]) -> None:
        """Write the state, and the RBM so that it can be read without a training."""
        content = {
            "kind": KIND,
            "model": rbm.description(),
            "parameters": rbm.state_dict(),
            "training": state,
        }
        save_atomically(content, self.path)

    def load(self, rbm: RBM) -> dict[str, Any]:
        """Read the parameters into an RBM, and return the state.

        Raises:
            ValueError: the file is none of this kind, or of another model.
        """
        content = load("fit", self.path, KIND)
        if content["model"] != rbm.description():
            raise ValueError(
                f"fit: expected the checkpoint {self.path} to be of {rbm.description()}, "
                f"got one of {content['model']}; remove it to begin anew"
            )
        rbm.load_state_dict(content["parameters"])
        state: dict[str, Any] = content["training"]
        return state
