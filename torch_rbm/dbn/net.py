"""Deep belief nets: stacks of RBMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from torch_rbm.classification import ClassificationRBM
from torch_rbm.data import Data
from torch_rbm.dbn import networks
from torch_rbm.dbn.belief_layer import BeliefLayer
from torch_rbm.dbn.pretraining import PerLayer, Stage, pretrain_stages
from torch_rbm.rbm import RBM
from torch_rbm.training import History, LossFactory, OptimizerFactory, RBMEpoch, SchedulerFactory
from torch_rbm.training.factories import default_loss, linear_decay
from torch_rbm.units import Units, UnitsLike
from torch_rbm.validation import check_count

if TYPE_CHECKING:
    import os


class DBN(nn.Module):
    """A deep belief net (Hinton, Osindero and Teh 2006): RBMs stacked on each other.

    The two top layers are an RBM, p(h_{L−1}, h_L); below it, every layer is drawn from the one
    above, p(v | h₁) p(h₁ | h₂) …. What the layers above are, given data, is approximated layer by
    layer from below. With ``classes`` the visible layer of the top RBM has a label beside the
    features: the net can classify and draw data of a class.

    As a module it is the recognition net v ↦ E[h₁ | v] ↦ E[h₂ | h₁] ↦ …, differentiable; with
    ``classes`` its last step is log p(label | h_{L−1}) instead, [..., classes].

    Args:
        sizes: units of each layer from the visible one up, two or more, such as [784, 500, 2000].
        units: what they are, for all layers or for each; see :class:`torch_rbm.RBM`.
        classes: classes of the label at the top; 0 for none.
        tied: give the layers below the top one set of weights for both directions, as RBMs have;
            otherwise they are :class:`torch_rbm.BeliefLayer`, see :meth:`untied`.
        device: device of the parameters.
        dtype: dtype of the parameters: float32, float64, bfloat16 or float16.

    Attributes:
        layers: the RBMs from the bottom up; the last one is a :class:`torch_rbm.ClassificationRBM`
            where there are classes.
    """

    if TYPE_CHECKING:
        layers: Sequence[RBM]

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        units: UnitsLike | Sequence[UnitsLike] = "bernoulli",
        classes: int = 0,
        tied: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(sizes, Sequence) or isinstance(sizes, str):
            raise TypeError(
                f"DBN: expected sizes to be a sequence such as [784, 500], got {sizes!r}"
            )
        if len(sizes) < 2:
            raise ValueError(f"DBN: expected two or more layer sizes, got {list(sizes)}")
        sizes = [check_count("DBN", "sizes", size, 1) for size in sizes]
        self.classes = check_count("DBN", "classes", classes, 0)
        kinds = [units] * len(sizes) if isinstance(units, str) else list(units)
        if len(kinds) != len(sizes):
            raise ValueError(
                f"DBN: expected units for each of {len(sizes)} layers, got {len(kinds)}: {units!r}"
            )
        layers: list[nn.Module] = []
        for i in range(len(sizes) - 1):
            below, above = cast("UnitsLike", kinds[i]), cast("UnitsLike", kinds[i + 1])
            top = i == len(sizes) - 2
            if top and self.classes > 0:
                rbm: RBM = ClassificationRBM(
                    sizes[i],
                    sizes[i + 1],
                    self.classes,
                    data_units=below,
                    hidden_units=above,
                    device=device,
                    dtype=dtype,
                )
            else:
                rbm = RBM(
                    sizes[i],
                    sizes[i + 1],
                    visible_units=below,
                    hidden_units=above,
                    device=device,
                    dtype=dtype,
                )
            layers.append(rbm if top or tied else BeliefLayer(rbm))
        self.layers = cast("Sequence[RBM]", nn.ModuleList(layers))
        self.tied = tied

    @torch.jit.unused
    def description(self) -> dict[str, Any]:
        """Return the class and the arguments that make a net like this, for files."""
        layers = [self.visible_layer(), *(layer.hidden_layer() for layer in self.layers)]
        return {
            "class": "DBN",
            "sizes": [layer.size for layer in layers],
            "units": [layer.as_argument() for layer in layers],
            "classes": self.classes,
            "tied": self.tied,
            "dtype": str(self.layers[0].weight.dtype).removeprefix("torch."),
        }

    @torch.jit.unused
    def visible_layer(self) -> Units:
        """Return what is known about the visible units of the data."""
        bottom = self.layers[0]
        if isinstance(bottom, ClassificationRBM):
            return bottom.data_layer()
        return bottom.visible_layer()

    def forward(self, visible: Tensor) -> Tensor:
        """Return the means of the top layer, [..., visible] to [..., top], or log p(label)."""
        for layer in self.layers:
            visible = layer(visible)
        return visible

    @torch.jit.export
    def features(self, visible: Tensor) -> Tensor:
        """Return the means of the top RBM's visible units without the label, [..., units]."""
        for layer in self.layers[:-1]:
            visible = layer.hidden_mean(visible)
        return visible

    @torch.jit.export
    def sample(
        self,
        count: int,
        steps: int = 1000,
        mean_visible: bool = False,
        generator: torch.Generator | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """Sample from the net: Gibbs steps in the top RBM, then one pass down.

        Args:
            count: number of samples.
            steps: Gibbs steps in the top RBM, from samples of the model without its weights.
            mean_visible: return the means of the visible units instead of samples.
            generator: source of random numbers; the default generator when None.
            label: the class of each sample, int64 [count], for a net with classes: data of these
                classes, the label being clamped. Otherwise classes come as the model has them.

        Returns:
            [count, visible].
        """
        if count < 0:
            raise ValueError(f"DBN.sample: expected count >= 0, got {count}")
        top = self.layers[-1]
        nothing = torch.zeros(
            [count, top.weight.size(0)], dtype=top.weight.dtype, device=top.weight.device
        )
        states = top.sample_visible(nothing, generator)
        units = top.weight.size(1) - self.classes
        clamp: Tensor | None = None
        if label is not None:
            if self.classes == 0:
                raise ValueError("DBN.sample: expected a label only for a net with classes")
            if not isinstance(label, Tensor):
                raise TypeError(
                    "DBN.sample: expected label to be a tensor, one class for each sample"
                )
            if label.dim() != 1 or len(label) != count:
                raise ValueError(
                    f"DBN.sample: expected label of shape [{count}], got {list(label.shape)}"
                )
            if count > 0 and (int(label.min()) < 0 or int(label.max()) >= self.classes):
                raise ValueError(
                    f"DBN.sample: expected labels from 0 to {self.classes - 1}, got "
                    f"{int(label.min())} to {int(label.max())}"
                )
            one_hot = label.unsqueeze(-1) == torch.arange(self.classes, device=label.device)
            states[:, units:] = one_hot.to(states.dtype)
            clamp = torch.arange(top.weight.size(1), device=states.device) >= units
        states, _ = top.gibbs(states, steps, clamp, generator)
        return self.generate(states[:, :units], mean_visible, generator)

    @torch.jit.export
    def generate(
        self,
        states: Tensor,
        mean_visible: bool = False,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw visible states from those of the top RBM's visible units, by one pass down.

        Args:
            states: [..., units] without the label.
            mean_visible: return the means of the visible units instead of samples.
            generator: source of random numbers; the default generator when None.

        Returns:
            [..., visible].
        """
        below = len(self.layers) - 1
        for i, layer in enumerate(self.layers[:-1][::-1]):
            if mean_visible and i + 1 == below:
                states = layer.visible_mean(states)
            else:
                states = layer.sample_visible(states, generator)
        return states

    @torch.jit.unused
    def pretrain(
        self,
        data: Data,
        *,
        labels: Tensor | bool | None = None,
        epochs: PerLayer[int] | None = None,
        batch_size: int | None = None,
        loss: PerLayer[LossFactory] = default_loss,
        optimizer: PerLayer[OptimizerFactory] | None = None,
        scheduler: SchedulerFactory = linear_decay,
        weight_decay: float = 0.0,
        average: float = 0.1,
        binarize: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        generator: torch.Generator | None = None,
        progress: bool = True,
    ) -> list[History[RBMEpoch]]:
        """Train the RBMs one after the other, each on the means of the layers below it.

        The means are computed batch by batch, so no layer's activations are ever held as a whole.
        When anything goes wrong, every layer is left as it was. See :func:`torch_rbm.fit` for what
        the options mean; those given as a sequence are for each layer.

        Args:
            data: states or means of the visible units: a tensor or NumPy array [cases, ...], a
                Dataset or a DataLoader.
            labels: classes of the cases for a net with classes, int64 [cases], or True for the
                second elements of the items of a Dataset or a DataLoader.
            epochs: passes over the data for each layer; see :func:`torch_rbm.fit` for None.
            batch_size: rows of a batch; a DataLoader keeps its own; likewise.
            loss: makes the loss of each layer.
            optimizer: makes the optimizer of each layer.
            scheduler: makes the scheduler of each layer.
            weight_decay: the optimizer's, for the weights.
            average: the share of each layer's training whose parameters are averaged.
            binarize: draw states from the means in every layer, anew for each batch: the data of
                Bernoulli units are then all 0 and 1, which is also faster.
            checkpoint: a file name; the checkpoint of layer 1 is written to this name with
                ``.layer1`` before its suffix. The same call goes on where it was stopped.
            generator: shuffles the data and draws random numbers; the default generator when None.
            progress: show a progress bar for each layer.

        Returns:
            For each layer what was measured in each epoch.

        Raises:
            TypeError, ValueError: the net has untied weights, or an option is not as described.
        """
        where = "DBN.pretrain"
        if not self.tied:
            raise ValueError(f"{where}: expected tied weights; pretrain before untying them")
        self.check_labels(where, labels)
        stages = [
            Stage(layer, nn.Sequential(*self.layers[:i]) if i > 0 else None)
            for i, layer in enumerate(self.layers)
        ]
        return pretrain_stages(
            where,
            stages,
            data,
            labels=labels,
            epochs=epochs,
            batch_size=batch_size,
            loss=loss,
            optimizer=optimizer,
            scheduler=scheduler,
            weight_decay=weight_decay,
            average=average,
            binarize=binarize,
            checkpoint=checkpoint,
            generator=generator,
            progress=progress,
        )

    @torch.jit.unused
    def check_labels(self, where: str, labels: Tensor | bool | None) -> None:
        """Require labels for a net with classes, and none for one without.

        Raises:
            ValueError: it is the other way round.
        """
        if (labels is None) == (self.classes > 0):
            wanted = f"labels of {self.classes} classes" if self.classes else "no labels"
            given = "none" if labels is None else "some"
            raise ValueError(f"{where}: expected {wanted}, got {given}")

    @torch.jit.unused
    def untied(self) -> DBN:
        """Return a copy with weights down that may differ from those up; see :class:`UpDown`."""
        description = self.description()
        dtype = getattr(torch, description.pop("dtype"))
        description.pop("class")
        device = self.layers[0].weight.device
        result = DBN(**description | {"tied": False}, dtype=dtype, device=device)
        state = self.state_dict()
        if self.tied:
            for i in range(len(self.layers) - 1):
                state[f"layers.{i}.generative_weight"] = state[f"layers.{i}.weight"]
        result.load_state_dict(state)
        return result

    @torch.jit.unused
    def classifier(self, classes: int, *, dropout: float = 0.0) -> nn.Sequential:
        """Return a new classifier that starts from this net, for :func:`torch_rbm.fine_tune`.

        Args:
            classes: number of outputs of the last, new layer; it starts at zero.
            dropout: share of the hidden units that are left out while training.

        Returns:
            ``Linear`` and what the units' means are, such as ``Sigmoid``, for each layer, then
            ``Linear`` to ``classes`` logits.
        """
        classes = check_count("DBN.classifier", "classes", classes, 1)
        return networks.with_output(self._recognition(), classes, dropout)

    @torch.jit.unused
    def regressor(self, outputs: int, *, dropout: float = 0.0) -> nn.Sequential:
        """Return a new regression net that starts from this net, for :func:`torch_rbm.fine_tune`.

        Args:
            outputs: number of real values of the last, new layer; it starts at zero.
            dropout: share of the hidden units that are left out while training.

        Returns:
            As :meth:`classifier`.
        """
        outputs = check_count("DBN.regressor", "outputs", outputs, 1)
        return networks.with_output(self._recognition(), outputs, dropout)

    @torch.jit.unused
    def autoencoder(self) -> networks.Autoencoder:
        """Return a new autoencoder: this net up to the code, then down to the data again.

        Hinton and Salakhutdinov (2006). Weights start tied, W up and Wᵀ down, and are free
        afterwards; a code of gaussian units is linear.

        Returns:
            A module with ``encoder`` and ``decoder``, both ``nn.Sequential``.
        """
        return networks.Autoencoder(self._recognition())

    @torch.jit.unused
    def _recognition(self) -> list[RBM]:
        if self.classes > 0:
            raise ValueError(
                "DBN: expected a net without classes to make a network of; with classes it is a "
                "classifier itself"
            )
        return list(self.layers)
