"""The fused CPU kernels against the ATen formulas, and against themselves by every path.

TORCH_RBM_CPU_PATH, read in every call, forces a way: `reference` the ATen formulas, `rows` and
`tables` the two ways in which kernels multiply binary states with weights. Both of these, any
number of threads and any instruction set must give the same bits; the formulas may differ by
rounding.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torch_rbm import ops

PATHS = ["rows", "tables"]
KEY = torch.tensor([-5, 7])


def with_path(path, function, *arguments, **options):
    before = os.environ.get("TORCH_RBM_CPU_PATH")
    os.environ["TORCH_RBM_CPU_PATH"] = path
    try:
        return function(*arguments, **options)
    finally:
        del os.environ["TORCH_RBM_CPU_PATH"]
        if before is not None:
            os.environ["TORCH_RBM_CPU_PATH"] = before


def parameters(visible, hidden, scale=0.1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(visible * 1000 + hidden)
    weight = torch.randn(hidden, visible, generator=generator, dtype=torch.float64) * scale
    b = torch.randn(visible, generator=generator, dtype=torch.float64)
    c = torch.randn(hidden, generator=generator, dtype=torch.float64)
    return weight.to(dtype), b.to(dtype), c.to(dtype)


def binary(rows, units, density=0.3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(rows * 1000 + units)
    return (torch.rand(rows, units, generator=generator) < density).to(dtype)


def tolerance(dtype):
    """Absolute: sums of many float32 numbers, or what is left of them in half precision."""
    half = {torch.bfloat16: 0.02, torch.float16: 0.004}
    return half.get(dtype, 1e-12 if dtype == torch.float64 else 2e-6)


def assert_same_samples(samples, expected, probability, uniform):
    """Equal, save where the uniform number lies within 1e-6 of the probability."""
    differ = samples != expected
    assert ((uniform - probability).abs()[differ] < 1e-6).all()
    # Three in a million draws lie that close.
    assert differ.sum() <= 10 + 1e-5 * differ.numel()


class TestAgainstTheFormulas:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_samples_of_a_layer(self, path, dtype):
        weight, b, c = parameters(784, 500, dtype=dtype)
        v, h = binary(1500, 784, 0.13, dtype), binary(1500, 500, dtype=dtype)
        for layer, states, w, bias, sample in [
            (1, v, weight, c, ops.sample_hidden),
            (0, h, weight.T, b, ops.sample_visible),
        ]:
            samples = with_path(path, sample, states, weight, bias, key=KEY)
            expected = with_path("reference", sample, states, weight, bias, key=KEY)
            probability = torch.sigmoid(states.double() @ w.double().T + bias.double())
            uniform = ops.uniform(KEY, *samples.shape, layer=layer).double()
            assert_same_samples(samples, expected, probability, uniform)
            assert_same_samples(samples, (uniform < probability).to(dtype), probability, uniform)

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("steps", [0, 1, 3])
    @pytest.mark.parametrize("rows", [(40, 40), (1030, 70), (70, 2100)])
    def test_contrastive_divergence(self, path, steps, rows):
        """From data and from chains, across the borders of the chunks that kernels work on."""
        model = parameters(150, 70, scale=0.05, dtype=torch.float64)
        data, chain = (binary(count, 150, dtype=torch.float64) for count in rows)
        for options in [{}, {"sampled_hidden": True}, {"mean_visible": True}]:
            results = [
                with_path(
                    way,
                    ops.contrastive_divergence_with_means,
                    *states,
                    *model,
                    steps,
                    key=KEY,
                    **options,
                )
                for way in (path, "reference")
                for states in [(data, chain), (data, data)]
            ]
            for a, b in zip(results[:2], results[2:], strict=True):
                for x, y in zip(a, b, strict=True):
                    torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-12)

    @settings(max_examples=150, derandomize=True, database=None)
    @given(
        rows=st.integers(0, 140),
        visible=st.integers(1, 200),
        hidden=st.integers(1, 140),
        density=st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0]),
        dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
        states=st.sampled_from(["weight", torch.bool, torch.uint8]),
        strided=st.booleans(),
        path=st.sampled_from(PATHS),
    )
    def test_any_shape_dtype_and_stride(
        self, rows, visible, hidden, density, dtype, states, strided, path
    ):
        model = parameters(visible, hidden, dtype=dtype)
        v = binary(rows, visible, density, dtype if states == "weight" else states)
        h = binary(rows, hidden, density, v.dtype)
        if strided:
            weight = torch.stack([model[0]] * 3, 2)[:, :, 1]
            model = (weight, *(bias.repeat_interleave(3)[::3] for bias in model[1:]))
            v = v.T.contiguous().T
            h = torch.cat([h, h], 1)[:, :hidden]
        for function, arguments in [
            (ops.free_energy, (v, *model)),
            (ops.hidden_mean, (v, model[0], model[2])),
            (ops.visible_mean, (h, model[0], model[1])),
        ]:
            fused = with_path(path, function, *arguments)
            expected = with_path("reference", function, *arguments)
            assert fused.dtype == expected.dtype
            scale = visible + hidden if function is ops.free_energy else 1
            torch.testing.assert_close(
                fused, expected, rtol=1e-6, atol=tolerance(fused.dtype) * scale
            )
        # Steps would part ways where rounding moves p across u: the statistics without one.
        fused = with_path(path, ops.contrastive_divergence, v, v.flip(0)[1:], *model, 0, key=KEY)
        expected = with_path(
            "reference", ops.contrastive_divergence, v, v.flip(0)[1:], *model, 0, key=KEY
        )
        for x, y in zip(fused, expected, strict=True):
            assert x.dtype == y.dtype
            assert x.shape == y.shape
            torch.testing.assert_close(x, y, rtol=0, atol=tolerance(x.dtype), check_stride=True)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
    @pytest.mark.parametrize("shape", [(1, 1), (0, 3), (3, 0), (15, 33), (784, 500)])
    def test_centered_gradient(self, shape, dtype):
        """In both memory orders, and where nothing is side by side."""
        weight, b, c = parameters(*shape, dtype=dtype)
        mu, lam = torch.sigmoid(b), torch.sigmoid(c)
        for way in [weight, weight.T.contiguous().T, torch.stack([weight] * 2, 2)[..., 0]]:
            fused = ops.centered_gradient(way, b, c, mu, lam)
            expected = with_path("reference", ops.centered_gradient, way, b, c, mu, lam)
            for x, y in zip(fused, expected, strict=True):
                torch.testing.assert_close(
                    x, y, rtol=1e-6, atol=100 * tolerance(dtype), check_stride=True
                )

    @pytest.mark.parametrize("path", PATHS)
    def test_annealed_importance_sampling(self, path):
        weight, b, c = parameters(100, 70, scale=0.3, dtype=torch.float64)
        base = torch.zeros_like(b)
        betas = torch.linspace(0, 1, 40, dtype=torch.float64)
        arguments = (binary(50, 100, 0.5, torch.float64), weight, b, c, base, betas)
        fused = with_path(path, ops.annealed_importance_sampling, *arguments, key=KEY)
        expected = with_path("reference", ops.annealed_importance_sampling, *arguments, key=KEY)
        for x, y in zip(fused, expected, strict=True):
            torch.testing.assert_close(x, y, rtol=1e-11, atol=1e-11)

    @pytest.mark.parametrize(
        "shape", [(1, 1), (1, 9), (2, 3), (4, 4), (5, 70), (12, 12), (13, 9), (16, 300)]
    )
    @pytest.mark.parametrize("scale", [0.0, 0.3, 20.0, 1000.0])
    def test_log_partition(self, shape, scale):
        model = parameters(*shape, scale=scale, dtype=torch.float64)
        fused = ops.log_partition(*model)
        expected = with_path("reference", ops.log_partition, *model)
        torch.testing.assert_close(fused, expected, rtol=1e-13, atol=1e-12)

    @pytest.mark.parametrize(
        "shape", [(1, 1), (1, 9), (2, 3), (4, 4), (5, 70), (12, 12), (13, 9), (16, 300)]
    )
    @pytest.mark.parametrize("scale", [0.0, 0.3, 20.0, 1000.0])
    def test_moments(self, shape, scale):
        model = parameters(*shape, scale=scale, dtype=torch.float64)
        fused = ops.moments(*model)
        expected = with_path("reference", ops.moments, *model)
        for x, y in zip(fused, expected, strict=True):
            torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-12)


class TestEveryWayGivesTheSameBits:
    def results(self, path, dtype=torch.float32):
        model = parameters(200, 130, dtype=dtype)
        v = binary(300, 200, dtype=dtype)
        betas = torch.linspace(0, 1, 30, dtype=torch.float64)
        return with_path(
            path,
            lambda: [
                *ops.gibbs(v, *model, 20, key=KEY),
                *ops.contrastive_divergence(v, v, *model, 5, key=KEY),
                *ops.contrastive_divergence(v, v[:77], *model, 2, sampled_hidden=True, key=KEY),
                ops.free_energy(v, *model),
                ops.hidden_mean(v, model[0], model[2]),
                *ops.moments(model[0][:14], model[1], model[2][:14]),
                *ops.annealed_importance_sampling(v, *model, model[1], betas, key=KEY),
                *ops.centered_gradient(*model, v[0], v[1, :130]),
            ],
        )

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
    def test_paths(self, dtype):
        for a, b in zip(*(self.results(path, dtype) for path in PATHS), strict=True):
            assert a.equal(b)

    def test_threads(self):
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1)
            one = self.results("rows")
            torch.set_num_threads(3)
            three = self.results("tables")
        finally:
            torch.set_num_threads(threads)
        assert all(a.equal(b) for a, b in zip(one, three, strict=True))

    def test_instruction_sets(self, tmp_path):
        """A process for each that this machine has, as PyTorch reads ATEN_CPU_CAPABILITY once."""
        script = (
            "import sys, torch; from tests.test_kernels import TestEveryWayGivesTheSameBits as T;"
            "print(torch.backends.cpu.get_cpu_capability());"
            "torch.save([T().results(p) for p in ('rows', 'tables')], sys.argv[1])"
        )
        seen = {}

        def run(environment):
            file = tmp_path / "results.pt"
            output = subprocess.run(
                [sys.executable, "-c", script, str(file)],
                env=environment,
                cwd=Path(__file__).parents[1],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            seen[output.strip()] = torch.load(file)

        own = {key: value for key, value in os.environ.items() if key != "ATEN_CPU_CAPABILITY"}
        run(own)  # the best that there is; PyTorch does not survive being asked for a better one
        for capability in ["default", *(["avx2"] if "AVX512" in seen else [])]:
            run({**own, "ATEN_CPU_CAPABILITY": capability})
        print("instruction sets:", *seen)
        here = [self.results(path) for path in PATHS]
        for results in seen.values():
            for a, b in zip(here, results, strict=True):
                assert all(x.equal(y) for x, y in zip(a, b, strict=True))


class TestDifficultNumbers:
    @pytest.mark.parametrize("scale", [0.0, 1e-38, 1e-30, 1e-6, 1e6, 1e15])
    @pytest.mark.parametrize("path", PATHS)
    def test_weights_of_any_size(self, path, scale):
        """Each unit's weights have their own fixed-point step."""
        weight = torch.randn(70, 90, generator=torch.Generator().manual_seed(0))
        weight[::2] *= scale
        weight[:, ::3] *= scale
        b, c = torch.zeros(90), torch.linspace(-2, 2, 70)
        v = binary(40, 90)
        v[::2, ::3] = 0  # the small weights alone decide
        mean = with_path(path, ops.hidden_mean, v, weight, c)
        expected = torch.sigmoid(v.double() @ weight.double().T + c.double())
        torch.testing.assert_close(mean.double(), expected, rtol=0, atol=1e-6)
        energy = with_path(path, ops.free_energy, v, weight, b, c)
        field = v.double() @ weight.double().T + c.double()
        expected = -torch.logaddexp(field, torch.zeros(())).sum(1)
        torch.testing.assert_close(energy.double(), expected, rtol=1e-6, atol=1e-5)

    @pytest.mark.parametrize("path", PATHS)
    def test_errors_do_not_add_up(self, path):
        """Hundreds of weights of one sign, each rounded to a fixed-point step."""
        weight = 0.1 * torch.rand(100, 784, generator=torch.Generator().manual_seed(0))
        v = binary(64, 784, 0.5)
        exact = v.double() @ weight.double().T
        c = -exact.mean(0).float()
        probability = torch.sigmoid(exact + c.double())
        assert ((probability > 0.1) & (probability < 0.9)).any()
        mean = with_path(path, ops.hidden_mean, v, weight, c)
        torch.testing.assert_close(mean.double(), probability, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
    def test_what_is_not_finite_is_left_to_the_formulas(self, bad):
        weight, b, c = parameters(70, 50)
        weight[3, 4] = bad
        v = binary(64, 70)
        for function, arguments in [
            (ops.free_energy, (v, weight, b, c)),
            (ops.hidden_mean, (v, weight, c)),
            (ops.gibbs, (v, weight, b, c)),
            (ops.contrastive_divergence, (v, v, weight, b, c)),
        ]:
            options = {"key": KEY} if function in (ops.gibbs, ops.contrastive_divergence) else {}
            fused = function(*arguments, **options)
            expected = with_path("reference", function, *arguments, **options)
            torch.testing.assert_close(fused, expected, equal_nan=True)

    def test_grey_data(self):
        """Numbers between 0 and 1 and counts above 1 are multiplied as they are."""
        weight, b, c = (p.double() for p in parameters(120, 80))
        grey = torch.rand(90, 120, dtype=torch.float64)
        counts = torch.randint(0, 4, (90, 120), dtype=torch.uint8)
        for data in (grey, counts):
            chain = binary(50, 120, dtype=data.dtype)
            for function, arguments in [
                (ops.contrastive_divergence, (data, data, weight, b, c, 2)),
                (ops.contrastive_divergence, (data, chain, weight, b, c)),
                (ops.contrastive_divergence, (chain, data, weight, b, c)),
                (ops.gibbs, (data, weight, b, c, 3)),
                (ops.gibbs, (data, weight, b, c, 0)),
            ]:
                fused = function(*arguments, key=KEY)
                expected = with_path("reference", function, *arguments, key=KEY)
                for x, y in zip(fused, expected, strict=True):
                    torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-12)

    def test_one_grey_row_among_many(self):
        """Threads that walk through their own rows meet it in one of them."""
        weight, b, c = (p.double() for p in parameters(120, 80))
        data = binary(2600, 120, dtype=torch.float64)
        data[1800] *= 0.5
        fused = ops.gibbs(data, weight, b, c, 3, key=KEY)
        expected = with_path("reference", ops.gibbs, data, weight, b, c, 3, key=KEY)
        assert all(x.equal(y) for x, y in zip(fused, expected, strict=True))

    def test_clamped_grey_values_are_kept(self):
        weight, b, c = (p.double() for p in parameters(120, 80))
        grey = torch.rand(90, 120, dtype=torch.float64)
        clamp = torch.arange(120) % 3 == 0
        visible, _ = ops.gibbs(grey, weight, b, c, 3, clamp=clamp, key=KEY)
        assert visible[:, clamp].equal(grey[:, clamp])
        expected, _ = with_path("reference", ops.gibbs, grey, weight, b, c, 3, clamp=clamp, key=KEY)
        assert visible.equal(expected)

    def test_minus_zero_is_zero(self):
        weight, b, c = parameters(100, 50)
        v = binary(40, 100)
        negative = torch.where(v == 0, -v, v)
        assert negative.signbit().any()
        assert ops.gibbs(v, weight, b, c, key=KEY)[0].equal(
            ops.gibbs(negative, weight, b, c, key=KEY)[0]
        )

    @pytest.mark.parametrize("clamp", ["row", "all"])
    def test_clamped_chains(self, clamp):
        weight, b, c = (p.double() for p in parameters(130, 60))
        v = binary(1100, 130, dtype=torch.float64)
        mask = torch.rand(1100, 130) < 0.5 if clamp == "all" else torch.arange(130) < 65
        fused = ops.gibbs(v, weight, b, c, 4, clamp=mask, key=KEY)
        expected = with_path("reference", ops.gibbs, v, weight, b, c, 4, clamp=mask, key=KEY)
        assert all(x.equal(y) for x, y in zip(fused, expected, strict=True))


@pytest.mark.parametrize("rows", [1, 130, 1500])
@pytest.mark.parametrize(
    "units", ["spin", "categorical(4)", "gaussian", "relu", "gaussian:40, categorical:8, spin:16"]
)
def test_other_visible_units_with_bernoulli_hidden_ones(units, rows):
    """Their samples are formulas of the fields, the products and hidden units those of kernels."""
    w, b, c = parameters(64, 48)
    precision = torch.linspace(0.5, 2.0, 64)
    options = {"visible_units": units, "visible_precision": precision, "key": KEY}
    start = ops.sample_visible(torch.zeros(rows, 48), w, b, **options)
    visible, hidden = ops.gibbs(start, w, b, c, 3, **options)
    slow = with_path("reference", ops.gibbs, start, w, b, c, 3, **options)
    # A state that turned over because a probability was rounded otherwise would spread.
    assert ((visible - slow[0]).abs() < 1e-4).float().mean() > 0.999
    assert (hidden == slow[1]).float().mean() > 0.999
    clamp = torch.arange(64) < 40
    clamped, _ = ops.gibbs(start, w, b, c, 2, clamp=clamp, **options)
    assert clamped[:, :40].equal(start[:, :40])
    assert not clamped[:, 40:].equal(start[:, 40:])
    for choices in ({}, {"sampled_hidden": True}, {"mean_visible": True}):
        fast = ops.contrastive_divergence(start, start, w, b, c, 2, **options, **choices)
        slow = with_path(
            "reference", ops.contrastive_divergence, start, start, w, b, c, 2, **options, **choices
        )
        for a, e in zip(fast[:3], slow[:3], strict=True):
            torch.testing.assert_close(a, e, rtol=1e-3, atol=2e-3)
    del options["key"]
    energy = ops.free_energy(start, w, b, c, **options)
    slow = with_path("reference", ops.free_energy, start, w, b, c, **options)
    torch.testing.assert_close(energy, slow, rtol=1e-5, atol=1e-4)
