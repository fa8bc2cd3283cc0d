"""A classifier that is an RBM: labels beside the data in the visible layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_rbm.distributed import LocalChains
from torch_rbm.losses import ContrastiveDivergence
from torch_rbm.rbm import RBM
from torch_rbm.training import LossFactory
from torch_rbm.units import Units, UnitsLike
from torch_rbm.validation import check_count, check_factory, words


class ClassificationRBM(RBM):
    """An RBM of data and a label (Hinton, Osindero and Teh 2006; Larochelle and Bengio 2008).

    The label is a categorical unit beside the data units: an ordinary RBM of ``data + classes``
    visible elements, whose last ones are the label. p(label | data) ∝ exp(−F(data, label)) is exact
    and differentiable. As a module it maps data, [..., data], to log p(label | data), [...,
    classes], so that ``nn.NLLLoss`` trains it as a classifier; :class:`HybridLoss` makes it a model
    of the data, too. To sample data of a class, clamp the label in :meth:`gibbs`.

    Args:
        data: number of data elements.
        hidden: number of hidden elements.
        classes: number of classes.
        data_units: what the data units are; see :class:`torch_rbm.RBM`.
        hidden_units: what the hidden units are.
        learn_precision: make the precisions of gaussian and relu data units a parameter.
        device: device of the parameters.
        dtype: dtype of the parameters.
    """

    def __init__(
        self,
        data: int,
        hidden: int,
        classes: int,
        *,
        data_units: UnitsLike = "bernoulli",
        hidden_units: UnitsLike = "bernoulli",
        learn_precision: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        data = check_count("ClassificationRBM", "data", data, 1)
        classes = check_count("ClassificationRBM", "classes", classes, 2)
        layer = Units("ClassificationRBM", "data_units", data_units, data)
        units = [(group.name, group.spelled, group.size) for group in layer.groups]
        super().__init__(
            data + classes,
            hidden,
            visible_units=[*units, ("label", f"categorical({classes})", classes)],
            hidden_units=hidden_units,
            learn_precision=learn_precision,
            device=device,
            dtype=dtype,
        )
        self._data_layer = layer
        self.data = data
        self.classes = classes

    @torch.jit.unused
    def description(self) -> dict[str, Any]:
        """Return the class and the arguments that make a classifier like this, for files."""
        return {
            "class": "ClassificationRBM",
            "data": self.data,
            "hidden": len(self.weight),
            "classes": self.classes,
            "data_units": self._data_layer.as_argument(),
            "hidden_units": self._hidden_layer.as_argument(),
            "learn_precision": self.visible_log_precision is not None,
            "dtype": str(self.weight.dtype).removeprefix("torch."),
        }

    def forward(self, visible: Tensor) -> Tensor:
        """log p(label | data), [..., data] to [..., classes]."""
        return torch.log_softmax(self.logits(visible), -1)

    @torch.jit.export
    def logits(self, data: Tensor) -> Tensor:
        """−F(data, label) for every label, up to a term without the label, [..., classes].

        The fields of the data are computed once, and the weights of each label added to them
        (Larochelle and Bengio 2008).
        """
        weight = self.weight
        field = torch.nn.functional.linear(
            data.to(weight.dtype), weight[:, : self.data], self.hidden_bias
        )
        fields = field.unsqueeze(-2) + weight[:, self.data :].t()
        hidden: Tensor = torch.ops.torch_rbm.cumulant(fields, units=self.hidden_units)
        return hidden + self.visible_bias[self.data :]

    @torch.jit.export
    def data_free_energy(self, data: Tensor) -> Tensor:
        """−log Σ exp(−E) over labels and hidden states, in nats, [...]; −log p(data) − log Z.

        Args:
            data: [..., data].
        """
        logits = self.logits(data)
        label = torch.zeros_like(logits, dtype=self.weight.dtype)
        label[..., 0] = 1
        joint = torch.cat([data.to(self.weight.dtype), label], -1)
        return self.free_energy(joint, None) + logits[..., 0] - logits.logsumexp(-1)

    @torch.jit.export
    def predict(self, data: Tensor) -> Tensor:
        """The most probable class of each row, int64 [...].

        Raises:
            TypeError, ValueError: ``data`` are none that the data units can have.
        """
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            self._check_data("ClassificationRBM.predict", data)
        return self.logits(data).argmax(-1)

    @torch.jit.unused
    def data_layer(self) -> Units:
        """Return what is known about the data units."""
        return self._data_layer

    @torch.jit.unused
    def _check_data(self, where: str, data: Tensor) -> None:
        self._data_layer.check(where, "data", data)

    @torch.jit.unused
    def joint(self, data: Tensor, labels: Tensor) -> Tensor:
        """States of the whole visible layer, [..., data + classes], for training it with ``fit``.

        Args:
            data: [..., data].
            labels: classes, integers from 0 on, [...].

        Raises:
            TypeError, ValueError: ``labels`` are no classes.
        """
        where = "ClassificationRBM.joint"
        self._check_data(where, data)
        if not isinstance(labels, Tensor):
            raise TypeError(f"{where}: expected labels to be a tensor, got {words(labels)}")
        if labels.is_floating_point() or labels.dtype == torch.bool:
            raise TypeError(f"{where}: expected labels to be integers, got {words(labels)}")
        if labels.shape != data.shape[:-1]:
            raise ValueError(
                f"{where}: expected a label for each row of data {list(data.shape)}, "
                f"got {list(labels.shape)}"
            )
        if labels.numel() > 0 and not (labels.min() >= 0 and labels.max() < self.classes):
            low, high = int(labels.min()), int(labels.max())
            raise ValueError(
                f"{where}: expected labels from 0 to {self.classes - 1}, got {low} to {high}"
            )
        one_hot = labels.unsqueeze(-1) == torch.arange(self.classes, device=labels.device)
        return torch.cat([data, one_hot.to(data.dtype)], -1)


class HybridLoss(LocalChains):
    """−log p(label | data), plus a share of a generative loss (Larochelle and Bengio 2008).

    Without that share it is the discriminative loss. With some, the model of the data regularises
    the classifier, and can learn from data without labels. To be used as any loss of an RBM::

        rbm = torch_rbm.ClassificationRBM(784, 500, 10)
        loss = functools.partial(torch_rbm.HybridLoss, generative_weight=0.01)
        torch_rbm.fit(rbm, rbm.joint(pictures, digits), loss=loss)

    Args:
        rbm: the classifier to train, held as a submodule.
        generative_weight: the share of the generative loss, 0 or more.
        generative: makes the generative loss of the whole visible layer.
    """

    def __init__(
        self,
        rbm: ClassificationRBM,
        generative_weight: float = 0.01,
        *,
        generative: LossFactory = ContrastiveDivergence,
    ) -> None:
        super().__init__()
        if not isinstance(rbm, ClassificationRBM):
            raise TypeError(f"HybridLoss: expected a torch_rbm.ClassificationRBM, got {words(rbm)}")
        if not generative_weight >= 0:
            raise ValueError(
                f"HybridLoss: expected generative_weight >= 0, got {generative_weight}"
            )
        check_factory("HybridLoss", "generative", generative, "ContrastiveDivergence")
        self.rbm = rbm
        self.generative_weight = float(generative_weight)
        self.generative = generative(rbm)

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        return f"generative_weight={self.generative_weight}"

    def forward(self, joint: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the loss, a scalar, for states of the whole visible layer; see ``joint``."""
        if joint.shape[-1] != len(self.rbm.visible_bias):
            raise ValueError(
                f"HybridLoss: expected joint of shape [..., {len(self.rbm.visible_bias)}], data "
                f"and label as rbm.joint(data, labels) makes them, got {list(joint.shape)}"
            )
        data, label = joint[..., : self.rbm.data], joint[..., self.rbm.data :]
        loss: Tensor = -(label * self.rbm(data)).sum(-1).mean()
        if self.generative_weight > 0:
            loss = loss + self.generative_weight * self.generative(joint, generator)
        return loss
