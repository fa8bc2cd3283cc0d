"""An RBM as the prior of a larger autograd model: a variational autoencoder of binary codes.

1797 digits of 8×8 pixels. A linear decoder makes the pixels of a code of twenty bits; the prior
over codes is either independent bits or an RBM, which learns which codes go together. Its
partition function is exact, so that the bound on the likelihood of held-out digits is, too:

    python examples/python/prior.py
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from tqdm.auto import trange

import torch_rbm

BITS = 20
HIDDEN = 16
EPOCHS = 100


class Autoencoder(nn.Module):
    """log p(v) ≥ E_q[log p(v | z) − log q(z | v)] + E_q[log p(z)], with p(z) an RBM."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 200), nn.ReLU(), nn.Linear(200, BITS))
        self.decoder = nn.Linear(BITS, 64)
        self.prior = torch_rbm.RBM(BITS, hidden)
        self.chains = torch_rbm.PersistentContrastiveDivergence(self.prior, chains=200, steps=5)

    def bound(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bound without log Z, [cases], differentiable, and the codes drawn for it."""
        field = self.encoder(pixels)
        probability = field.sigmoid()
        sample = torch.bernoulli(probability).detach()
        code = sample + probability - probability.detach()  # straight through (Bengio et al. 2013)
        log_q = -nn.functional.binary_cross_entropy(probability, sample, reduction="none").sum(1)
        log_p = -nn.functional.binary_cross_entropy_with_logits(
            self.decoder(code), pixels, reduction="none"
        ).sum(1)
        return log_p - log_q - self.prior.free_energy(code), sample

    def loss(self, pixels: Tensor) -> Tensor:
        """Return what to minimise: the bound with the gradient of log Z by persistent chains."""
        value, code = self.bound(pixels)
        # The energy gap has both phases of the prior's gradient, of which the bound has the first.
        negative_phase = self.chains(code) - self.prior.free_energy(code).mean()
        return negative_phase - value.mean()


def train(model: Autoencoder, pixels: Tensor) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, EPOCHS)
    for _ in trange(EPOCHS, desc="training"):
        for rows in torch.randperm(len(pixels)).split(50):
            optimizer.zero_grad()
            model.loss(torch.bernoulli(pixels[rows])).backward()
            optimizer.step()
        schedule.step()


def main() -> None:
    data = torch.from_numpy(load_digits().data).float() / 16
    data = data[torch.randperm(len(data), generator=torch.Generator().manual_seed(0))]
    train_pixels, test_pixels = data[:1500], torch.bernoulli(data[1500:])
    print("Lower bound on the log-likelihood of 297 held-out digits, nats")
    for name, hidden in [("independent bits", 0), (f"RBM with {HIDDEN} hidden units", HIDDEN)]:
        torch.manual_seed(0)
        model = Autoencoder(hidden)
        train(model, train_pixels)
        with torch.no_grad():
            values = torch.stack([model.bound(test_pixels)[0].mean() for _ in range(100)])
            bound = values.mean() - model.prior.log_partition()
        print(f"  {bound.item():8.2f}  {name}")


if __name__ == "__main__":
    main()
