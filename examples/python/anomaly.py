"""The free energy as an anomaly score: an RBM that has only seen what is normal.

569 breast tumours of 30 measurements each. The RBM learns 250 benign ones; high free energy, that
is a low density, then tells malignant tumours from benign ones it has not seen:

    python examples/python/anomaly.py
"""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

import torch_rbm

NORMAL = 250


class Score(nn.Module):
    """Standardises measurements and returns their free energy, one number for each case."""

    mean: Tensor
    scale: Tensor

    def __init__(self, rbm: torch_rbm.RBM, normal: Tensor) -> None:
        super().__init__()
        self.rbm = rbm
        self.register_buffer("mean", normal.mean(0))
        self.register_buffer("scale", normal.std(0))

    def standardised(self, measurements: Tensor) -> Tensor:
        """Return measurements with the mean and spread of what is normal taken out."""
        return (measurements - self.mean) / self.scale

    def forward(self, measurements: Tensor) -> Tensor:
        """Return the score, [cases]: the higher, the stranger."""
        return self.rbm.free_energy(self.standardised(measurements))


def main() -> None:
    torch.manual_seed(0)
    cancer = load_breast_cancer()
    cases = torch.from_numpy(cancer.data).float().log1p()
    benign = torch.from_numpy(cancer.target) == 1
    normal = cases[benign][:NORMAL]
    others = torch.cat([cases[benign][NORMAL:], cases[~benign]])
    malignant = torch.arange(len(others)) >= int(benign.sum()) - NORMAL

    rbm = torch_rbm.RBM(30, 50, visible_units="gaussian", learn_precision=True)
    score = Score(rbm, normal)
    torch_rbm.initialize(rbm, score.standardised(normal))
    torch_rbm.fit(rbm, score.standardised(normal), epochs=300, batch_size=25)

    with torch.no_grad():
        results = {"free energy of the RBM": score(others)}
    forest = IsolationForest(random_state=0).fit(normal.numpy())
    results["scikit-learn: IsolationForest"] = -torch.from_numpy(
        forest.score_samples(others.numpy())
    )
    print(f"Area under the ROC curve, {int(malignant.sum())} malignant of {len(others)} tumours")
    for name, values in results.items():
        print(f"  {roc_auc_score(malignant.numpy(), values.numpy()):.4f}  {name}")


if __name__ == "__main__":
    main()
