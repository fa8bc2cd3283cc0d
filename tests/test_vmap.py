"""torch.func.vmap over samplers: each follows `randomness`, or refuses."""

import pytest
import torch
from torch.func import vmap

import torch_rbm
from tests.operator_samples import KEY, SAMPLERS, overload, ratings_samples, samples, tensors
from torch_rbm import ops

COPIES = 3
UNITS = ["bernoulli", "spin", "categorical(3)", "gaussian", "relu"]


@pytest.mark.parametrize("name", SAMPLERS)
class TestRandomness:
    def call(self, name, randomness, seed=0):
        """The sampler mapped over copies of its first argument, the states."""
        (states, *others), options = samples()[name][0]
        torch.manual_seed(seed)
        return tensors(
            vmap(lambda s: overload(name)(s, *others, **options), randomness=randomness)(
                states.expand(COPIES, *states.shape)
            )
        )

    def test_error(self, name):
        with pytest.raises(RuntimeError, match="randomness"):
            self.call(name, "error")

    def test_same(self, name):
        for result in self.call(name, "same"):
            assert result.shape[0] == COPIES
            torch.testing.assert_close(result, result[:1].expand_as(result))

    def test_different(self, name):
        results = self.call(name, "different")
        assert not all(part.equal(result[0]) for result in results for part in result[1:])
        again = self.call(name, "different")
        for one, other in zip(results, again, strict=True):
            torch.testing.assert_close(one, other, equal_nan=True)
        third = self.call(name, "different", seed=1)
        assert not all(one.equal(other) for one, other in zip(results, third, strict=True))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("mapped", ["states", "key", "everything"])
def test_keyed_samplers_equal_a_loop(name, mapped):
    (arguments, options) = samples()[f"{name}.key"][0]
    keys = torch.stack([KEY, KEY + 1, KEY * 7])
    torch.manual_seed(0)
    arguments = [a.detach() if isinstance(a, torch.Tensor) else a for a in arguments]
    options = {k: v for k, v in options.items() if k != "key"}

    def changed(argument):
        is_betas = argument.dim() == 1 and argument.dtype == torch.float64
        if argument.dtype == torch.bool or is_betas:
            return argument.expand(COPIES, *argument.shape)
        if bool(((argument == 0) | (argument == 1)).all()):
            return torch.bernoulli(torch.full((COPIES, *argument.shape), 0.5)).to(argument.dtype)
        return argument + torch.randn(COPIES, *argument.shape).to(argument.dtype)

    which = {
        "states": lambda place, value: place == 0,
        "key": lambda place, value: False,
        "everything": lambda place, value: isinstance(value, torch.Tensor),
    }[mapped]
    dims = [0 if which(place, value) else None for place, value in enumerate(arguments)]
    stacked = [
        value if dim is None else changed(value) for value, dim in zip(arguments, dims, strict=True)
    ]
    key_dim = None if mapped == "states" else 0

    def call(key, *given):
        return overload(f"{name}.key")(*given, key=key, **options)

    key = KEY if key_dim is None else keys
    mapped_results = tensors(vmap(call, (key_dim, *dims))(key, *stacked))
    for copy in range(COPIES):
        one = call(
            key if key_dim is None else key[copy],
            *(
                value if dim is None else value[copy]
                for value, dim in zip(stacked, dims, strict=True)
            ),
        )
        for actual, expected in zip(mapped_results, tensors(one), strict=True):
            torch.testing.assert_close(actual[copy], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("units", UNITS)
def test_every_unit_type(units):
    generator = torch.Generator().manual_seed(0)
    weight, bias, other = (
        0.3 * torch.randn(*shape, generator=generator) for shape in ((4, 6), (6,), (4,))
    )
    states = torch.zeros(COPIES, 5, 6)
    precision = torch.full((6,), 2.0) if units in ("gaussian", "relu") else None

    def one(v, key):
        return ops.gibbs(
            v, weight, bias, other, 2, visible_units=units, visible_precision=precision, key=key
        )

    keys = torch.tensor([[1, 0], [2, 0], [3, 5]])
    mapped = vmap(one)(states, keys)
    for copy in range(COPIES):
        for actual, expected in zip(mapped, one(states[copy], keys[copy]), strict=True):
            torch.testing.assert_close(actual[copy], expected)


@pytest.mark.parametrize("name", ["energy", "cumulant", "free_energy", "hidden_mean", "moments"])
def test_formulas_without_a_loop(name):
    """PyTorch warns, and warnings are errors here, where it has to loop."""
    (first, *others), options = samples(torch.float64)[name][0]
    batch = torch.stack([first.detach(), 2 * first.detach()])
    mapped = tensors(vmap(lambda x: overload(name)(x, *others, **options))(batch))
    for copy in range(2):
        for actual, expected in zip(
            mapped, tensors(overload(name)(batch[copy], *others, **options)), strict=True
        ):
            torch.testing.assert_close(actual[copy], expected)


def test_an_ensemble_of_models():
    """torch.func.stack_module_state and functional_call: the usual way to run many models."""
    models = [torch_rbm.RBM(6, 4) for _ in range(COPIES)]
    parameters, buffers = torch.func.stack_module_state(models)
    v = torch.bernoulli(torch.full((5, 6), 0.5))

    def free_energy(p, b, x):
        return torch.func.functional_call(Energies(models[0]), (p, b), (x,))

    class Energies(torch.nn.Module):
        def __init__(self, rbm):
            super().__init__()
            self.rbm = rbm

        def forward(self, x):
            return self.rbm.free_energy(x)

    named = {f"rbm.{name}": value for name, value in parameters.items()}
    energies = vmap(free_energy, in_dims=(0, None, None))(named, buffers, v)
    for copy, model in enumerate(models):
        torch.testing.assert_close(energies[copy], model.free_energy(v))


@pytest.mark.parametrize("name", [name for name in ratings_samples(torch.float32) if "." in name])
def test_samplers_of_ratings_refuse(name):
    arguments, options = ratings_samples(torch.float32)[name][0]
    weight = arguments[3]
    for function, given in (
        (overload(name), options),
        (overload(name.removesuffix(".key")), {k: v for k, v in options.items() if k != "key"}),
    ):

        def one(w, function=function, given=given):
            return function(*arguments[:3], w, *arguments[4:], **given)

        with pytest.raises(ValueError, match=r"ratings_.*: expected no vmap; put all cases"):
            vmap(one, randomness="different")(weight.expand(2, *weight.shape))
