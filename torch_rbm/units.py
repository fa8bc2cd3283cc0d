"""What the units of a layer are, as Python code needs to know it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

import torch
from torch import Tensor

from torch_rbm.sparse import is_csr
from torch_rbm.validation import check_mask, check_tensor

#: How a layer's units are given: a type, or named groups (name, type, number of elements).
UnitsLike = str | Sequence[tuple[str, str, int]]


@dataclass(frozen=True)
class Group:
    """Neighbouring elements of a layer with units of one type.

    Attributes:
        name: what the group is called; the type where it was given none.
        type: ``"bernoulli"``, ``"spin"``, ``"categorical"``, ``"gaussian"`` or ``"relu"``.
        first: its first element.
        size: how many elements it has.
        states: states of a categorical unit, which has as many elements; 1 for other types.
    """

    name: str
    type: str
    first: int
    size: int
    states: int

    @property
    def continuous(self) -> bool:
        """Whether the states are real numbers."""
        return self.type in ("gaussian", "relu")

    @property
    def slice(self) -> slice:
        """The group's elements in the last dimension of states."""
        return slice(self.first, self.first + self.size)

    @property
    def spelled(self) -> str:
        """The group as the operators' strings spell it."""
        return f"categorical({self.states})" if self.type == "categorical" else self.type


class WrongValueError(ValueError):
    """A value that a unit cannot have.

    Attributes:
        value: the value.
        position: of the value in the data, from 0 on.
        expected: what the unit can have, in words.
    """

    value: float
    position: list[int]
    expected: str


class Units:
    """The units of one layer, in one or more groups.

    Args:
        where: the caller's name, for messages.
        name: the argument's name.
        units: ``"bernoulli"``, ``"spin"``, ``"gaussian"``, ``"relu"``, ``"categorical"`` (one unit,
            one-hot over the whole layer), ``"categorical(5)"`` (units of five elements each),
            groups with sizes such as ``"gaussian:784, categorical:10"``, or a sequence of named
            groups such as ``[("pixels", "gaussian", 784), ("label", "categorical", 10)]``.
        size: number of elements of the layer.

    Raises:
        TypeError, ValueError: ``units`` is nothing of that kind, or does not fit the size.
    """

    def __init__(self, where: str, name: str, units: UnitsLike, size: int) -> None:
        self.size = size
        names: list[str] = []
        spelled = units
        if not isinstance(units, str):
            try:
                names = [str(label) for label, _, _ in units]
                spelled = ", ".join(f"{kind}:{int(count)}" for _, kind, count in units)
            except (TypeError, ValueError):
                raise TypeError(
                    f"{where}: expected {name} to be a string or groups such as [('pixels', "
                    f"'gaussian', 784), ('label', 'categorical', 10)], got {units!r}"
                ) from None
        types, sizes, states, expected = torch.ops.torch_rbm.unit_groups(spelled, size)
        if not expected and names and len(names) != len(types):
            expected = "of one type in each of its groups"
        if expected:
            raise ValueError(f"{where}: expected {name} to be {expected}, got {units!r}")
        groups: list[Group] = []
        first = 0
        for i, (kind, count) in enumerate(zip(types, sizes, strict=True)):
            label = names[i] if names else kind
            groups.append(Group(label, kind, first, count, max(states[i], 1)))
            first += count
        labels = [group.name for group in groups]
        if names and len(set(labels)) < len(labels):
            raise ValueError(f"{where}: expected different names in {name}, got {labels}")
        self.groups = tuple(groups)

    def __str__(self) -> str:
        """Return the units as the operators take them."""
        if len(self.groups) == 1:
            group = self.groups[0]
            whole = group.type == "categorical" and group.states == group.size
            return group.type if whole else group.spelled
        return ", ".join(f"{group.spelled}:{group.size}" for group in self.groups)

    def as_argument(
        self, other: Mapping[str, str] = MappingProxyType({})
    ) -> str | list[tuple[str, str, int]]:
        """Return the units as ``RBM`` takes them, with the names of their groups.

        Args:
            other: types to be replaced, and by which.
        """
        kinds = [other.get(group.type, group.spelled) for group in self.groups]
        named = zip(self.groups, kinds, strict=True)
        if any(group.name != group.type for group in self.groups):
            return [(group.name, kind, group.size) for group, kind in named]
        if len(kinds) == 1:
            return kinds[0]
        return ", ".join(f"{kind}:{group.size}" for group, kind in named)

    def __getitem__(self, name: str) -> Group:
        """Return the group of that name."""
        for group in self.groups:
            if group.name == name:
                return group
        names = ", ".join(repr(group.name) for group in self.groups)
        raise KeyError(f"expected one of the groups {names}, got {name!r}")

    @property
    def continuous(self) -> bool:
        """Whether any unit has real states."""
        return any(group.continuous for group in self.groups)

    @property
    def only(self) -> str | None:
        """The type of all units; None where there are several."""
        types = {group.type for group in self.groups}
        return types.pop() if len(types) == 1 else None

    @property
    def log2_states(self) -> float:
        """log2 of the number of states of the layer; infinite for continuous units."""
        bits = 0.0
        for group in self.groups:
            if group.continuous and group.size > 0:
                return math.inf
            binary = group.type in ("bernoulli", "spin")
            bits += group.size * (1 if binary else math.log2(group.states) / group.states)
        return bits

    def check(
        self,
        where: str,
        name: str,
        data: Tensor,
        *,
        observed: Tensor | None = None,
        states: bool = False,
    ) -> None:
        """Require values that the units can have.

        Args:
            where: the caller's name, for messages.
            name: the argument's name.
            data: [..., elements].
            observed: bool, broadcastable to ``data``: values where it is false do not matter.
            states: require states; otherwise the means of discrete units will do too, such as
                probabilities of Bernoulli units.

        Raises:
            TypeError: ``data`` is no tensor of a floating-point dtype, bool or uint8.
            ValueError: the last dimension is not the number of elements.
            WrongValueError: a value is NaN or out of range, the first one; it is a ValueError.
        """
        check_tensor(where, name, data)
        integral = data.dtype in (torch.bool, torch.uint8)
        if data.layout not in (torch.strided, torch.sparse_csr):
            raise TypeError(
                f"{where}: expected {name} of layout torch.strided or torch.sparse_csr, got "
                f"{data.layout}; {name}.to_sparse_csr() makes one"
            )
        if not data.is_floating_point() and not integral:
            raise TypeError(
                f"{where}: expected {name} of a floating-point dtype, bool or uint8, got "
                f"{data.dtype}; {name}.float() makes one"
            )
        if data.dim() < 1 or data.shape[-1] != self.size:
            raise ValueError(
                f"{where}: expected {name} of shape [..., {self.size}], got {list(data.shape)}"
            )
        if observed is not None:
            check_mask(where, "observed", observed, name, data)
        if is_csr(data):
            if self.only != "bernoulli" or observed is not None:
                raise TypeError(
                    f"{where}: expected a dense {name} for units other than bernoulli and for "
                    "missing values, got torch.sparse_csr"
                )
            _check_csr(where, name, data.detach(), self.groups[0], states)
            return
        if data.dtype == torch.bool and self.only == "bernoulli":
            return
        mask = None if observed is None else observed.expand(data.shape)
        for group in self.groups:
            seen = None if mask is None else mask[..., group.slice]
            _check_group(where, name, data.detach()[..., group.slice], seen, group, states)


_MEANS = {
    "bernoulli": "in [0, 1], binary states or probabilities",
    "spin": "in [-1, 1], spins or their means",
    "categorical": "to be one-hot, or probabilities that sum to 1, in each categorical unit",
    "gaussian": "to be finite",
    "relu": "to be finite and not negative",
}
_STATES = {
    "bernoulli": "to be 0 or 1",
    "spin": "to be -1 or 1",
    "categorical": "to be one-hot in each categorical unit",
    "gaussian": _MEANS["gaussian"],
    "relu": _MEANS["relu"],
}


def _check_group(
    where: str, name: str, values: Tensor, observed: Tensor | None, group: Group, states: bool
) -> None:
    if values.numel() == 0 or _is_fine(values, group, states):
        return
    wrong = ~_right(values, group, states)
    if observed is not None:
        wrong &= observed
    if not wrong.any():
        return
    position = [int(i) for i in wrong.nonzero()[0]]
    value = values[tuple(position)].item()
    position[-1] += group.first
    _refuse(where, name, group, states, value, position)


def _refuse(
    where: str, name: str, group: Group, states: bool, value: float, position: list[int]
) -> NoReturn:
    label = "" if group.name == group.type else f" of the group {group.name!r}"
    expected = (_STATES if states else _MEANS)[group.type]
    hint = ""
    if group.type == "bernoulli":
        of_means = "; torch.bernoulli makes states of probabilities"
        hint = of_means if states and 0 < value < 1 else "; gaussian units take real numbers"
    if math.isnan(value):
        hint = "; torch_rbm.fill_in fills in what is missing, for fit(...) as its transform"
    # Attributes are set afterwards, as an error that is pickled takes its message alone.
    error = WrongValueError(
        f"{where}: expected {name}{label} {expected}, got {value} at position {position}{hint}"
    )
    error.value, error.position, error.expected = value, position, expected
    raise error


def _check_csr(where: str, name: str, data: Tensor, group: Group, states: bool) -> None:
    """Check the stored values: all others are 0."""
    values = data.values().unsqueeze(1)
    if values.numel() == 0 or _is_fine(values, group, states):
        return
    wrong = int((~_right(values, group, states)).flatten().nonzero()[0])
    row = int(torch.searchsorted(data.crow_indices().long(), wrong, right=True)) - 1
    position = [row, int(data.col_indices()[wrong])]
    _refuse(where, name, group, states, values[wrong].item(), position)


def _is_fine(values: Tensor, group: Group, states: bool) -> bool:
    """Whether all values are right, by one pass where that is possible."""
    if states or group.type == "categorical":
        return bool(_right(values, group, states).all())
    low, high = torch.aminmax(values)
    least = {"bernoulli": 0.0, "spin": -1.0, "gaussian": -math.inf, "relu": 0.0}[group.type]
    if group.continuous:  # comparisons are false for NaN
        return bool(low >= least) and bool(low > -math.inf) and bool(high < math.inf)
    return bool(low >= least) and bool(high <= 1)


def _right(values: Tensor, group: Group, states: bool) -> Tensor:
    """Which values are right, in the shape of ``values``."""
    if group.type == "gaussian":
        return values.isfinite()
    if group.type == "relu":
        return values.isfinite() & (values >= 0)
    if group.type == "spin":
        return values.abs() == 1 if states else values.abs() <= 1
    right = (values == 0) | (values == 1) if states else (values >= 0) & (values <= 1)
    if group.type == "categorical":
        by_unit = values.double().reshape(*values.shape[:-1], -1, group.states)
        one = (by_unit.sum(-1, keepdim=True) - 1).abs() <= 1e-3 * group.states
        right = right & one.expand_as(by_unit).flatten(-2)
    return right
