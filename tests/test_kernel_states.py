"""The fused CPU kernels with states that they turn into bits first: spins, and missing values."""

import pytest
import torch

from tests.test_kernels import KEY, PATHS, binary, parameters, with_path
from torch_rbm import ops

SPIN_PAIRS = [("spin", "spin"), ("spin", "bernoulli"), ("bernoulli", "spin"), ("gaussian", "spin")]


class TestSpinUnits:
    """Spin units are Bernoulli units to the kernels, after a change of weights."""

    def setup_method(self):
        self.model = parameters(150, 70, scale=0.05, dtype=torch.float64)

    def states(self, rows, visible_units):
        states = binary(rows, 150, 0.4, torch.float64)
        return {"spin": 2 * states - 1, "gaussian": 3 * states - 1.5}.get(visible_units, states)

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("units", SPIN_PAIRS)
    def test_every_operator(self, path, units):
        options = dict(zip(["visible_units", "hidden_units"], units, strict=True))
        v, chain = self.states(1030, units[0]), self.states(70, units[0])
        small = tuple(x[..., :9] if x is not self.model[2] else x for x in self.model)
        clamp = torch.arange(150) % 3 == 0
        betas = torch.linspace(0, 1, 20, dtype=torch.float64)
        calls = [
            (ops.free_energy, (v, *self.model), {}),
            (ops.gibbs, (v, *self.model, 3), {"key": KEY}),
            (ops.gibbs, (v, *self.model, 2), {"key": KEY, "clamp": clamp}),
            *(
                (
                    ops.contrastive_divergence_with_means,
                    (v, other, *self.model, steps),
                    {"key": KEY, **how},
                )
                for other in (v, chain, chain[:0])
                for steps in (0, 2)
                for how in ({}, {"sampled_hidden": True}, {"mean_visible": True})
            ),
        ]
        if "gaussian" not in units:
            calls += [
                (ops.log_partition, small, {}),
                (ops.moments, small, {}),
                (
                    ops.annealed_importance_sampling,
                    (v, *self.model, self.model[1] / 2, betas),
                    {"key": KEY},
                ),
            ]
        for function, arguments, more in calls:
            results = [
                with_path(way, function, *arguments, **options, **more)
                for way in (path, "reference")
            ]
            for fused, expected in zip(*map(torch.utils._pytree.tree_leaves, results), strict=True):
                assert fused.dtype == expected.dtype
                torch.testing.assert_close(fused, expected, rtol=1e-9, atol=1e-10)

    def test_states_that_no_spin_has(self):
        """Between -1 and +1, as means are, on the ATen formulas' products."""
        v = self.states(40, "spin") * 0.5
        options = {"visible_units": "spin", "hidden_units": "spin"}
        fused = ops.contrastive_divergence(v, v, *self.model, 0, key=KEY, **options)
        expected = with_path(
            "reference", ops.contrastive_divergence, v, v, *self.model, 0, key=KEY, **options
        )
        for x, y in zip(fused, expected, strict=True):
            torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-12)


class TestMissingValues:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("units", [("bernoulli", "bernoulli"), ("gaussian", "spin")])
    @pytest.mark.parametrize("rows", [(1030, 1030), (1030, 70)])
    def test_contrastive_divergence(self, path, units, rows):
        model = parameters(150, 70, scale=0.05, dtype=torch.float64)
        options = dict(zip(["visible_units", "hidden_units"], units, strict=True))
        data, chain = (binary(count, 150, dtype=torch.float64) for count in rows)
        observed = binary(rows[0], 150, 0.6, torch.bool)
        if rows[1] != rows[0]:
            observed = observed[0]
        for steps in (0, 3):
            for how in ({}, {"sampled_hidden": True}, {"mean_visible": True}):
                for start in (data, chain) if rows[0] == rows[1] else (chain,):
                    fused, expected = (
                        with_path(
                            way,
                            ops.contrastive_divergence_with_means,
                            data.masked_fill(~observed, torch.nan),
                            start.masked_fill(~observed, torch.nan),
                            *model,
                            steps,
                            key=KEY,
                            observed=observed,
                            **options,
                            **how,
                        )
                        for way in (path, "reference")
                    )
                    for x, y in zip(fused, expected, strict=True):
                        torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-12)
                    assert (fused[-1].masked_select(~observed.expand_as(start)) == 0).all()
