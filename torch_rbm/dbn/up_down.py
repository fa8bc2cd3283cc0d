"""Fine-tuning of a deep belief net as a model of data: contrastive wake-sleep."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from torch_rbm.classification import ClassificationRBM
from torch_rbm.dbn.net import DBN
from torch_rbm.dbn.probability import log_generation, log_recognition
from torch_rbm.distributed import LocalChains
from torch_rbm.losses import ContrastiveDivergence
from torch_rbm.losses.estimate import SampledLoss
from torch_rbm.training import LossFactory
from torch_rbm.training.fit import draw_states
from torch_rbm.validation import check_dropout, check_factory, words


class UpDown(LocalChains):
    """The up-down loss of a deep belief net (Hinton, Osindero and Teh 2006, appendix B).

    A pass up draws the states of every layer from the data: the weights down learn to make them
    from the layer above (wake). The top RBM learns by its own loss, contrastive divergence by
    default, between the states that the data cause and those that its chains have come to. From
    there a pass down draws dreams: the weights up learn to tell their causes (sleep).
    ``loss(data, generator, labels).backward()`` leaves all these gradients.

    That the dream starts from a few Gibbs steps off the data's own states, and not from a sample of
    the model, keeps recognition good near real data, and modes from being averaged away.

    The value is the sum of the losses, in nats per case: −log p of the layers below the top given
    their causes, the energy gap of the top RBM, −log q of the dreams' causes, and the share of
    −log p(label | data).

    Bias: wake–sleep follows no gradient of a likelihood, as the sleep phase minimises the
    Kullback–Leibler divergence the wrong way round; and the top RBM has the bias of its loss.

    Args:
        dbn: the net to train, with untied weights, held as a submodule.
        top: makes the loss of the top RBM, one with chains; for k steps
            ``functools.partial(ContrastiveDivergence, steps=k)``.
        mean_visible: let dreams end in the means of the visible units instead of samples, as in the
            paper.
        discriminative: the share of −log p(label | data), as the net tells labels, whose gradient
            goes to the weights up and to the top RBM (the hybrid of Larochelle and Bengio 2008). A
            pass up that tells digits well is what wake–sleep is slow to find; the weights down
            learn to generate from it.
        dropout: the share of the units of every layer below the top that are left out in that pass.

    Raises:
        TypeError: ``dbn`` is no DBN, or ``top`` makes no loss with chains.
        ValueError: the weights of ``dbn`` are tied, or ``discriminative`` is negative, or is not 0
            for a net without classes.
    """

    def __init__(
        self,
        dbn: DBN,
        top: LossFactory = ContrastiveDivergence,
        *,
        mean_visible: bool = False,
        discriminative: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not isinstance(dbn, DBN):
            raise TypeError(f"UpDown: expected a torch_rbm.DBN, got {words(dbn)}")
        if dbn.tied:
            raise ValueError("UpDown: expected a net with untied weights, as dbn.untied() makes it")
        check_factory("UpDown", "top", top, "torch_rbm.ContrastiveDivergence")
        loss = top(dbn.layers[-1])
        if not isinstance(loss, SampledLoss):
            raise TypeError(f"UpDown: expected a loss with chains for the top, got {words(loss)}")
        if not 0 <= discriminative < math.inf:
            raise ValueError(f"UpDown: expected discriminative >= 0, got {discriminative}")
        if discriminative > 0 and dbn.classes == 0:
            raise ValueError("UpDown: expected discriminative=0 for a net without classes")
        self.dbn = dbn
        self.top = loss
        self.mean_visible = mean_visible
        self.discriminative = float(discriminative)
        self.dropout = check_dropout("UpDown", dropout)

    def reset_chain(self, generator: torch.Generator | None = None) -> None:
        """Draw the chains of the top RBM's loss anew, where they go on from batch to batch."""
        reset_chain = getattr(self.top, "reset_chain", None)
        if callable(reset_chain):
            reset_chain(generator)

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        options = ["mean_visible=True"] if self.mean_visible else []
        if self.discriminative > 0:
            options.append(f"discriminative={self.discriminative}, dropout={self.dropout}")
        return ", ".join(options)

    def forward(
        self,
        data: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
        means: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, a scalar.

        Args:
            data: [batch, visible].
            generator: source of random numbers; the default generator when None.
            labels: classes of the cases, int64 [batch], for a net with classes.
            means: what ``data`` were drawn from, if they were, as the net will be given them for
                recognition: log p(label | means) is what ``discriminative`` adds.
        """
        layers, top = self.dbn.layers[:-1], self.dbn.layers[-1]
        loss = top.weight.new_zeros(())
        states = data
        for layer in layers:
            with torch.no_grad():
                above = layer.sample_hidden(states, generator)
            loss = loss - log_generation(layer, states, above).mean()
            states = above
        if isinstance(top, ClassificationRBM):
            if labels is None:
                raise ValueError(f"UpDown: expected labels of {top.classes} classes, got none")
            states = top.joint(states, labels)
        estimate = self.top.estimate(states, generator)
        loss = loss + estimate.loss
        dream = estimate.chain[:, : top.weight.shape[1] - self.dbn.classes]
        for i, layer in reversed(list(enumerate(layers))):
            with torch.no_grad():
                if self.mean_visible and i == 0:
                    below = layer.visible_mean(dream)
                else:
                    below = layer.sample_visible(dream, generator)
            loss = loss - log_recognition(layer, below, dream).mean()
            dream = below
        if self.discriminative > 0 and labels is not None:
            seen = data if means is None else means
            log_probability = self._log_probability(seen, generator)
            loss = loss + self.discriminative * nn.functional.nll_loss(log_probability, labels)
        return loss

    def _log_probability(self, data: Tensor, generator: torch.Generator | None) -> Tensor:
        """log p(label | data), by a pass up without some of the units."""
        states = data
        for layer in self.dbn.layers:
            if self.dropout > 0 and self.training:
                kept = torch.full_like(states, 1 - self.dropout)
                states = states * draw_states(kept, generator) / (1 - self.dropout)
            states = layer(states)
        return states
