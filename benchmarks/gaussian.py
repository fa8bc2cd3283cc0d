"""RBMs with Gaussian visible units beside the Gaussian with a full covariance matrix.

    python benchmarks/gaussian.py

Mean log-likelihood of held-out quarters of scikit-learn's breast cancer and digits data, in nats,
exact. Two scalings: columns standardised, and whitened, where the full Gaussian is the RBM without
weights. Densities are those of the standardised columns in both.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

import torch_rbm

HIDDEN = 12
STEPS = 1500
# Added to the variances of principal components, some of which have next to none.
RIDGE = {"breast cancer": 1e-4, "digits": 1e-2}


def standardised(name: str) -> tuple[Tensor, Tensor]:
    load = load_breast_cancer if name == "breast cancer" else load_digits
    columns, _ = load(return_X_y=True)
    train, test = train_test_split(columns, test_size=0.25, random_state=0)
    mean, deviation = train.mean(0), train.std(0)
    varied = deviation > 0
    return tuple(
        torch.from_numpy((part - mean)[:, varied] / deviation[varied]) for part in (train, test)
    )


def fit_exactly(train: Tensor) -> torch_rbm.RBM:
    torch.manual_seed(0)
    rbm = torch_rbm.RBM(
        train.shape[1], HIDDEN, visible_units="gaussian", learn_precision=True, dtype=train.dtype
    )
    torch_rbm.initialize(rbm, train, weight_std=0.3)
    loss = torch_rbm.ExactLikelihood(rbm)
    optimizer = torch.optim.Adam(rbm.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        penalty = 1e-3 * rbm.weight.square().sum()
        (loss(train) + penalty).backward()
        optimizer.step()
        schedule.step()
    return rbm


def compare(name: str) -> None:
    train, test = standardised(name)
    variances, axes = torch.linalg.eigh(torch.cov(train.T, correction=0))
    scale = (variances + RIDGE[name]).sqrt()
    mean = train.mean(0)
    full = torch.distributions.MultivariateNormal(mean, axes * scale.square() @ axes.T)
    print(f"{name}: {len(train)} cases of {train.shape[1]} columns, {len(test)} held out")
    print(f"  Gaussian, full covariance         {full.log_prob(test).mean().item():9.3f}")
    own = torch_rbm.log_likelihood(fit_exactly(train), test).value
    print(f"  RBM of {HIDDEN} hidden units              {own:9.3f}")
    white, white_test = ((part - mean) @ axes / scale for part in (train, test))
    volume = -scale.log().sum().item()
    whitened = torch_rbm.log_likelihood(fit_exactly(white), white_test).value + volume
    print(f"  RBM of {HIDDEN} hidden units, whitened    {whitened:9.3f}")


def main() -> None:
    for name in RIDGE:
        compare(name)


if __name__ == "__main__":
    main()
