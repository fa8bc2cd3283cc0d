"""Contrastive divergence for ratings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_rbm.losses.estimate import linear
from torch_rbm.ratings import operators
from torch_rbm.ratings.batch import Ratings
from torch_rbm.ratings.rbm import RatingsRBM
from torch_rbm.validation import check_count, words


class RatingsContrastiveDivergence(nn.Module):
    """CD-k for a :class:`RatingsRBM`; ``loss(ratings).backward()`` leaves the gradients.

    Bias: that of CD-k, which is not the gradient of any function; it vanishes as ``steps`` grows
    (Hinton 2002). ``steps`` may be raised as training goes on, as in the paper.

    Args:
        rbm: the RBM to train, held as a submodule.
        steps: Gibbs steps from the ratings, 1 or more.
        sampled_hidden: use sampled hidden states instead of their means in both phases.
        mean_visible: use the probabilities of the levels in the chain instead of samples.
        per_item: divide the gradients of each item's parameters by the number of ratings that it
            has in the batch, not by the number of cases: items that few have rated learn as fast
            as others.
    """

    def __init__(
        self,
        rbm: RatingsRBM,
        steps: int = 1,
        *,
        sampled_hidden: bool = False,
        mean_visible: bool = False,
        per_item: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(rbm, RatingsRBM):
            where = type(self).__name__
            raise TypeError(f"{where}: expected a torch_rbm.RatingsRBM, got {words(rbm)}")
        self.rbm = rbm
        self.steps = check_count(type(self).__name__, "steps", steps, 1)
        self.sampled_hidden = sampled_hidden
        self.mean_visible = mean_visible
        self.per_item = per_item

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        options = ("sampled_hidden", "mean_visible", "per_item")
        return ", ".join(
            [f"steps={self.steps}"] + [f"{name}=True" for name in options if getattr(self, name)]
        )

    def forward(self, ratings: Ratings, generator: torch.Generator | None = None) -> Tensor:
        """Return the energy gap between ratings and chains, a scalar, in nats per case.

        Args:
            ratings: the cases of a batch.
            generator: source of random numbers; the default generator when None.
        """
        rbm = self.rbm
        hidden_bias = rbm.case_bias(ratings.crow, ratings.items)
        weight, visible_bias, hidden, _ = operators.contrastive_divergence(
            *ratings,
            rbm.weight,
            rbm.visible_bias,
            hidden_bias,
            self.steps,
            hidden_units=rbm.hidden_units,
            sampled_hidden=self.sampled_hidden,
            mean_visible=self.mean_visible,
            generator=generator,
        )
        if self.per_item:
            counts = torch.bincount(ratings.items, minlength=len(rbm.weight)).clamp_min(1)
            scale = (ratings.size / counts).to(weight.dtype).unsqueeze(1)
            visible_bias = visible_bias * scale
            weight = weight * scale.unsqueeze(2)
        # The energy is linear in the parameters: this sum is the energy gap.
        parameters = rbm.weight, rbm.visible_bias, hidden_bias
        return linear(parameters, (weight, visible_bias, hidden))
