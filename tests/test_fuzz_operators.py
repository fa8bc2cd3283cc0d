"""Operators with whatever arguments: an error that says what was expected, or the formula's result.

Arguments are made from each operator's schema: sizes 0 and 1 among others, every dtype and layout,
NaN and infinity, sometimes one argument that does not fit. Nothing else may happen: no crash, no
other error, no change of an argument. `pytest -m slow tests/test_fuzz_operators.py` tries thirty
times as many.
"""

import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.operator_samples import overload, samples, tensors

NAMES = [name for name in samples() if not (name.endswith(".key") and name[:-4] not in samples())]
SIZES = st.sampled_from([0, 1, 2, 3, 9, 17, 66])
ROWS = st.sampled_from([0, 1, 2, 5, 70])
UNITS = ["bernoulli", "spin", "gaussian", "relu", "categorical(3)", "bernoulli:2,spin:1"]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
VALUES = ["usual", "usual", "usual", "zero", "large", "nan", "inf"]
LAYOUTS = ["contiguous", "transposed", "sliced", "expanded"]
FAULTS = ["shape", "dtype", "dimensions", "none", "nan"]
SAMPLERS = ("sample", "gibbs", "divergence", "sampling", "tempering")


class Arguments:
    """Draws the arguments of an operator."""

    def __init__(self, draw, name):
        self.draw = draw
        self.schema = overload(name)._schema
        self.is_of_ratings = name.startswith("ratings")
        self.dtype = draw(st.sampled_from(DTYPES))
        self.rows, self.chains = draw(ROWS), draw(ROWS)
        self.visible, self.hidden = draw(SIZES), draw(SIZES)
        self.betas, self.levels = draw(st.integers(0, 5)), draw(st.integers(1, 5))
        self.units = {
            "visible_units": draw(st.sampled_from([*UNITS, "binary", ""])),
            "hidden_units": draw(st.sampled_from([*UNITS[:4], "categorical(0)"])),
            "units": draw(st.sampled_from(UNITS)),
        }
        if draw(st.booleans()):
            self.units = dict.fromkeys(self.units, "bernoulli")
        self.values = draw(st.sampled_from(VALUES))
        self.generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
        # Two layers without bounds have no distribution unless weights are small: chains run away.
        layers = [self.units["visible_units"], self.units["hidden_units"]]
        self.is_bounded = not all(units in ("gaussian", "relu") for units in layers)
        self.fault = None
        if draw(st.integers(0, 3)) == 0:
            names = [argument.name for argument in self.schema.arguments]
            self.fault = draw(st.sampled_from(names)), draw(st.sampled_from(FAULTS))

    def made(self):
        return {argument.name: self.one(argument) for argument in self.schema.arguments}

    def one(self, argument):
        name, kind = argument.name, str(argument.type)
        if "str" in kind:
            return self.units[name]
        if kind == "bool":
            return self.draw(st.booleans())
        if kind in ("int", "SymInt"):
            return self.draw(st.sampled_from([0, 1, 2, 3, -1, 300]))
        if "Generator" in kind or ("Optional" in kind and self.draw(st.booleans())):
            return None
        value = self.tensor(name)
        if self.fault is not None and self.fault[0] == name:
            value = self.faulty(value, self.fault[1])
        return value

    def tensor(self, name):
        if name == "key":
            return torch.tensor([5, 7])
        if name == "betas":
            return torch.linspace(0, 1, self.betas, dtype=torch.float64)
        if self.is_of_ratings:
            return self.of_ratings(name)
        if name in ("clamp", "observed"):
            return self.random(self.visible) < 0.5
        shapes = {
            "weight": (self.hidden, self.visible),
            "visible_bias": (self.visible,),
            "base_visible_bias": (self.visible,),
            "hidden_bias": (self.hidden,),
            "visible_precision": (self.visible,),
            "hidden_precision": (self.hidden,),
            "precision": (self.hidden,),
            "grad_weight": (self.hidden, self.visible),
            "grad_visible_bias": (self.visible,),
            "grad_hidden_bias": (self.hidden,),
            "visible_offset": (self.visible,),
            "hidden_offset": (self.hidden,),
        }
        if name in shapes:
            return self.laid_out(self.parameter(name, shapes[name]))
        rows = self.chains if name == "chain" else self.rows
        units = self.hidden if name in ("hidden", "field") else self.visible
        lead = (self.betas, rows) if "origin" in str(self.schema) else (rows,)
        return self.laid_out(self.states((*lead, units)))

    def random(self, *shape):
        return torch.rand(*shape, generator=self.generator, dtype=torch.float64)

    def parameter(self, name, shape):
        value = torch.randn(*shape, generator=self.generator, dtype=torch.float64)
        if "precision" in name:
            value = value.exp()
        factor = {"usual": 1.0, "zero": 0.0, "large": 1e4}.get(self.values)
        if factor is not None:
            value = value * factor
        elif value.numel() > 0:
            value.view(-1)[0] = float(self.values)
        return value.to(self.dtype)

    def states(self, shape):
        kind = self.draw(st.sampled_from(["binary", "grey", "real", "bool", "uint8"]))
        value = self.random(*shape)
        if kind == "real":
            return (4 * value - 2).to(self.dtype)
        if kind == "grey":
            return value.to(self.dtype)
        dtype = {"bool": torch.bool, "uint8": torch.uint8}.get(kind, self.dtype)
        return value.round().to(dtype)

    def of_ratings(self, name):
        shapes = {
            "weight": (self.visible, self.levels, self.hidden),
            "visible_bias": (self.visible, self.levels),
            "hidden_bias": (self.rows, self.hidden) if self.values == "zero" else (self.hidden,),
            "hidden": (self.rows, self.hidden),
        }
        if name in shapes:
            return self.laid_out(self.parameter(name, shapes[name]))
        if name in ("crow", "query_crow"):
            most = min(3, self.visible)
            self.counts = torch.randint(0, most + 1, (self.rows,), generator=self.generator)
            return torch.cat([torch.zeros(1, dtype=torch.int64), self.counts.cumsum(0)])
        top = max(self.levels if name == "levels" else self.visible, 1)
        parts = [torch.randperm(top, generator=self.generator)[:count] for count in self.counts]
        value = torch.cat(parts) if parts else self.counts
        if name == "levels":
            value = torch.randint(0, top, (int(self.counts.sum()),), generator=self.generator)
        # One of none that there is, or one too few.
        if len(value) > 0 and self.draw(st.integers(0, 7)) == 0:
            value[-1] = self.draw(st.sampled_from([-1, top, 2**40, -(2**63)]))
        return value[1:] if self.draw(st.integers(0, 15)) == 0 else value

    def laid_out(self, value):
        layout = self.draw(st.sampled_from(LAYOUTS))
        if layout == "transposed" and value.dim() > 1:
            return value.transpose(0, -1).contiguous().transpose(0, -1)
        if layout == "sliced":
            spread = value.new_zeros(*value.shape[:-1], 2 * value.shape[-1])
            spread[..., ::2] = value
            return spread[..., ::2]
        if layout == "expanded" and value.dim() > 0 and value.shape[0] > 0:
            return value[:1].expand(value.shape)
        return value

    def faulty(self, value, fault):
        if fault == "none":
            return None
        if fault == "shape":
            return torch.cat([value, value[..., :1]], -1) if value.dim() > 0 else value
        if fault == "dimensions":
            return value.unsqueeze(0)
        if fault == "nan":
            return torch.full_like(value, torch.nan) if value.is_floating_point() else value
        return value.to(torch.int32)


def check(name, data):
    drawn = Arguments(data.draw, name)
    given_arguments = drawn.made()
    before = {
        key: value.clone() for key, value in given_arguments.items() if torch.is_tensor(value)
    }
    keywords = {
        argument.name: given_arguments[argument.name]
        for argument in drawn.schema.arguments
        if argument.kwarg_only
    }
    positional = [value for key, value in given_arguments.items() if key not in keywords]
    operator = overload(name)
    try:
        results = tensors(operator(*positional, **keywords))
    except (TypeError, ValueError) as error:
        said_by = name.partition(".")[0].removesuffix("_with_means")
        if not str(error).startswith(f"torch_rbm::{said_by}: expected "):
            raise
        event("refused")
        return
    finally:
        for key, value in before.items():
            torch.testing.assert_close(
                given_arguments[key], value, rtol=0, atol=0, equal_nan=True, msg=key
            )
    event("computed")
    has_nan = drawn.fault is not None and drawn.fault[1] == "nan"
    usual = drawn.values == "usual" and drawn.is_bounded and not has_nan
    if usual and not any(part in name for part in ("sampling", "log_partition", "moments")):
        assert all(result.isfinite().all() for result in results)
    if any(sampler in name for sampler in SAMPLERS) or not usual:
        return
    formula = torch._C.DispatchKey.CompositeExplicitAutograd
    if torch._C._dispatch_has_kernel_for_dispatch_key(operator.name(), "CompositeExplicitAutograd"):
        expected = tensors(operator._op_dk(formula, *positional, **keywords))
        tolerance = 0.05 if drawn.dtype in (torch.bfloat16, torch.float16) else 1e-3
        for result, value in zip(results, expected, strict=True):
            torch.testing.assert_close(result, value, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, derandomize=True)
@given(data=st.data())
def test_any_arguments(name, data):
    check(name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=3_000, database=None)
@given(data=st.data())
def test_any_arguments_many_times(name, data):
    check(name, data)
