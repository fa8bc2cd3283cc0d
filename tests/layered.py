"""A model with an RBM inside."""

import torch
from torch import nn

import torch_rbm


class Layered(nn.Module):
    """An RBM in the middle of another model, sampling included."""

    def __init__(self) -> None:
        super().__init__()
        self.rbm = torch_rbm.RBM(6, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        return self.head(self.rbm(v)) + self.rbm.free_energy(v).unsqueeze(1)

    @torch.jit.export
    def difference_of_two_samples(self, v: torch.Tensor) -> torch.Tensor:
        first, _ = self.rbm.gibbs(v, 1, None, None)
        second, _ = self.rbm.gibbs(v, 1, None, None)
        return (first - second).abs().sum()
