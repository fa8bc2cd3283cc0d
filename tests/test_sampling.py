"""Samplers against enumeration, and what determines their random numbers.

Every statistical test has a fixed seed and a threshold that correct sampling crosses with a
probability below 4e-6: 5 σ of a normal variable, or McDiarmid's inequality for total variation.
"""

import pytest
import scipy.stats
import torch

from tests.enumeration import (
    Model,
    all_states,
    state_counts,
    state_numbers,
    total_variation,
    total_variation_limit,
)
from torch_rbm import ops

SAMPLES = 20_000


def key(seed: int, offset: int = 0) -> torch.Tensor:
    return torch.tensor([seed, offset])


@pytest.mark.parametrize("steps", [1, 4, 16])
def test_chains_started_from_the_model_stay_there(model, steps):
    """No drift: immune to slow mixing, and wrong conditionals do not survive it."""
    p = model.probabilities()
    visible, hidden = ops.gibbs(model.sample(SAMPLES), *model.parameters, steps)
    threshold = total_variation_limit(p, SAMPLES)
    assert total_variation(state_counts(visible, 6), p) < threshold
    p_hidden = (-model.energies() - model.log_z()).exp().sum(0)
    threshold = total_variation_limit(p_hidden, SAMPLES)
    assert total_variation(state_counts(hidden, 4), p_hidden) < threshold


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_steps_follow_the_enumerated_transition_matrix(steps):
    """From one far state of a model that mixes slowly, so that a skipped or repeated step shows."""
    model = Model.random(6, 4, seed=0, scale=2.5)
    start = all_states(6)[27]
    visible, _ = ops.gibbs(start.expand(SAMPLES, -1), *model.parameters, steps)
    expected = torch.linalg.matrix_power(model.step_matrix(), steps)[27]
    threshold = total_variation_limit(expected, SAMPLES)
    assert total_variation(state_counts(visible, 6), expected) < threshold
    skipped = torch.linalg.matrix_power(model.step_matrix(), steps - 1)[27]
    assert total_variation(state_counts(visible, 6), skipped) > 3 * threshold


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pairs_of_states_pass_a_chi_square_test(model, dtype):
    """All 1024 pairs (v, h) after one step from p(v): h ~ p(h), v ~ p(v | h), so p(v, h) itself.

    Pairs expected fewer than ten times count as one. A right sampler fails once in 10⁶ seeds.
    """
    samples = 500_000
    joint = (-model.energies() - model.log_z()).exp().flatten()
    start = model.sample(samples).to(dtype)
    visible, hidden = ops.gibbs(start, *model.to(dtype).parameters)
    pairs = state_numbers(visible) * 16 + state_numbers(hidden)
    counts = torch.bincount(pairs, minlength=1024).double()
    expected = joint * samples
    rare = expected < 10
    observed = torch.cat([counts[~rare], counts[rare].sum()[None]])
    expected = torch.cat([expected[~rare], expected[rare].sum()[None]])
    statistic = ((observed - expected) ** 2 / expected).sum().item()
    assert scipy.stats.chi2.sf(statistic, len(expected) - 1) > 1e-6


def test_gibbs_returns_the_hidden_states_that_visible_was_drawn_from(model):
    """The joint distribution of the returned pair after one step from a fixed state."""
    start = all_states(6)[41]
    visible, hidden = ops.gibbs(start.expand(SAMPLES, -1), *model.parameters, 1)
    pairs = state_numbers(hidden) * 64 + state_numbers(visible)
    counts = torch.bincount(pairs, minlength=16 * 64).double()
    joint = model.hidden_given_visible()[41][:, None] * model.visible_given_hidden()
    threshold = total_variation_limit(joint.flatten(), SAMPLES)
    assert total_variation(counts, joint.flatten()) < threshold


@pytest.mark.parametrize("layer", ["hidden", "visible"])
def test_samples_have_the_conditional_means(model, layer):
    if layer == "hidden":
        states = all_states(6)[41].expand(SAMPLES, -1)
        samples = ops.sample_hidden(states, model.weight, model.hidden_bias)
        mean = ops.hidden_mean(states[0], model.weight, model.hidden_bias)
    else:
        states = all_states(4)[5].expand(SAMPLES, -1)
        samples = ops.sample_visible(states, model.weight, model.visible_bias)
        mean = ops.visible_mean(states[0], model.weight, model.visible_bias)
    sigma = (mean * (1 - mean) / SAMPLES).sqrt()
    assert ((samples.mean(0) - mean).abs() < 5 * sigma).all()
    # Units are independent given the other layer.
    covariance = torch.cov(samples.T) - torch.diag(samples.var(0))
    bound = 5 * torch.outer(*2 * [(mean * (1 - mean)).sqrt()]) / SAMPLES**0.5
    assert (covariance.abs() < bound).all()


def test_rows_are_independent(model):
    """Rows with the same input get their own random numbers."""
    start = torch.zeros(SAMPLES, 6, dtype=torch.float64)
    visible, _ = ops.gibbs(start, *model.parameters)
    even, odd = visible[::2], visible[1::2]
    for column in range(6):
        correlation = torch.corrcoef(torch.stack([even[:, column], odd[:, column]]))[0, 1]
        assert abs(correlation) < 5 / (SAMPLES / 2) ** 0.5


def test_zero_steps_keep_visible_and_sample_hidden(model, data):
    visible, hidden = ops.gibbs(data, *model.parameters, 0, key=key(3))
    assert visible.equal(data)
    assert visible.data_ptr() != data.data_ptr()
    expected = ops.sample_hidden(data, model.weight, model.hidden_bias, key=key(3))
    assert hidden.equal(expected)


def test_sure_probabilities_never_fail():
    """u < p never fires at p = 0 and always at p = 1."""
    weight = torch.zeros(2000, 3)
    bias = torch.cat([torch.full((1000,), -200.0), torch.full((1000,), 200.0)])
    samples = ops.sample_hidden(torch.zeros(2000, 3), weight, bias)
    assert samples[:, :1000].max() == 0
    assert samples[:, 1000:].min() == 1


def test_nan_stays_visible(model):
    model.hidden_bias[1] = float("nan")
    _, hidden = ops.gibbs(torch.zeros(3, 6, dtype=torch.float64), *model.parameters)
    assert hidden[:, 1].isnan().all()
    assert not hidden[:, 0].isnan().any()


class TestClamp:
    def test_clamped_units_keep_their_values(self, model, data):
        clamp = torch.tensor([True, False, True, False, False, True])
        visible, _ = ops.gibbs(data, *model.parameters, 5, clamp=clamp)
        assert visible[:, clamp].equal(data[:, clamp])
        assert not visible[:, ~clamp].equal(data[:, ~clamp])

    def test_free_units_follow_the_conditional_distribution(self, model):
        """Half of the units clamped; many short chains end at p(free | clamped)."""
        clamp = torch.tensor([True, True, True, False, False, False])
        start = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
        visible, _ = ops.gibbs(start.expand(SAMPLES, -1), *model.parameters, 60, clamp=clamp)
        states = all_states(6)
        conditional = model.probabilities() * (states[:, :3] == start[:3]).all(1)
        conditional /= conditional.sum()
        threshold = total_variation_limit(conditional, SAMPLES)
        assert total_variation(state_counts(visible, 6), conditional) < threshold

    def test_a_mask_may_differ_from_row_to_row(self, model, data):
        clamp = torch.rand(data.shape) < 0.5
        visible, _ = ops.gibbs(data, *model.parameters, 3, clamp=clamp)
        assert visible[clamp].equal(data[clamp])


class TestRandomNumbers:
    def test_a_seed_fixes_the_result(self, model, data):
        results = []
        for _ in range(2):
            torch.manual_seed(7)
            results.append(ops.gibbs(data, *model.parameters, 3)[0])
        assert results[0].equal(results[1])

    def test_two_calls_differ(self, model, data):
        first, _ = ops.gibbs(data, *model.parameters)
        second, _ = ops.gibbs(data, *model.parameters)
        assert not first.equal(second)

    def test_a_call_draws_one_number_from_its_generator(self, model, data):
        used, expected = (torch.Generator().manual_seed(5) for _ in range(2))
        ops.gibbs(data, *model.parameters, 10, generator=used)
        torch.empty(1, dtype=torch.int64).random_(-(2**63), None, generator=expected)
        assert used.get_state().equal(expected.get_state())

    def test_a_refused_call_draws_nothing(self, model, data):
        before = torch.get_rng_state()
        with pytest.raises(ValueError, match="steps"):
            ops.gibbs(data, *model.parameters, -1)
        assert torch.get_rng_state().equal(before)

    def test_an_offset_continues_the_chain(self, model, data):
        """Ten steps are five steps and five more under the key moved on by five."""
        whole = ops.gibbs(data, *model.parameters, 10, key=key(11))
        half, _ = ops.gibbs(data, *model.parameters, 5, key=key(11))
        rest = ops.gibbs(half, *model.parameters, 5, key=key(11, 5))
        assert all(a.equal(b) for a, b in zip(whole, rest, strict=True))

    @pytest.mark.parametrize("seed", range(5))
    def test_threads_do_not_change_states(self, seed):
        model = Model.random(784, 500, seed=seed, scale=0.1).to(torch.float32)
        start = (torch.rand(300, 784) < 0.3).float()
        threads = torch.get_num_threads()
        results = []
        try:
            for count in (1, 2, 3):
                torch.set_num_threads(count)
                torch.manual_seed(seed)
                visible, hidden = ops.gibbs(start, *model.parameters, 5)
                *_, chain = ops.contrastive_divergence(start, start, *model.parameters, 2)
                results.append((visible, hidden, chain))
        finally:
            torch.set_num_threads(threads)
        for other in results[1:]:
            assert all(a.equal(b) for a, b in zip(results[0], other, strict=True))

    def test_dtypes_share_their_states(self):
        """The same key gives the same states save where rounding moves p across u."""
        model = Model.random(100, 50, scale=0.3)
        start = (torch.rand(50, 100) < 0.3).double()
        exact, _ = ops.gibbs(start, *model.parameters, 1, key=key(1))
        single = model.to(torch.float32)
        rounded, _ = ops.gibbs(start.float(), *single.parameters, 1, key=key(1))
        assert exact.float().equal(rounded)

    def test_known_answers_reach_python(self):
        stream = ops.uniform(key(0), 1, 64)[0, ::16]
        words = [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
        assert stream.tolist() == [(word >> 8) / 2**24 for word in words]

    def test_the_stream_is_uniform(self):
        stream = ops.uniform(key(1), 1000, 1000).flatten().double()
        n = stream.numel()
        assert abs(stream.mean() - 0.5) < 5 * (1 / 12 / n) ** 0.5
        counts = torch.histc(stream, 1000, 0, 1)
        chi_square = ((counts - n / 1000) ** 2 / (n / 1000)).sum()
        assert abs(chi_square - 999) < 5 * (2 * 999) ** 0.5


class TestDtypes:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("states", ["same", torch.bool, torch.uint8])
    def test_states_come_back_in_their_own_dtype(self, model, data, dtype, states):
        small = model.to(dtype)
        v = data.to(dtype if states == "same" else states)
        visible, hidden = ops.gibbs(v, *small.parameters, 2)
        assert visible.dtype == hidden.dtype == v.dtype
        assert set(visible.double().unique().tolist()) <= {0.0, 1.0}
        gradient, _, _, chain = ops.contrastive_divergence(v, v, *small.parameters)
        assert gradient.dtype == dtype
        assert chain.dtype == v.dtype
        free_energy = ops.free_energy(v, *small.parameters)
        assert free_energy.dtype == torch.float32
        reference = ops.free_energy(data, *small.to(torch.float64).parameters)
        torch.testing.assert_close(free_energy.double(), reference, rtol=1e-5, atol=1e-5)

    def test_strides_do_not_matter(self, model, data):
        v = data.T.contiguous().T
        weight = model.weight.T.contiguous().T
        assert not weight.is_contiguous()
        arguments = (model.visible_bias, model.hidden_bias)
        for strided, plain in [
            (ops.free_energy(v, weight, *arguments), ops.free_energy(data, *model.parameters)),
            (
                ops.gibbs(v, weight, *arguments, key=key(1))[0],
                ops.gibbs(data, *model.parameters, key=key(1))[0],
            ),
        ]:
            torch.testing.assert_close(strided, plain)
        gradient, *_ = ops.contrastive_divergence(v, v, weight, *arguments)
        assert gradient.stride() == weight.stride()

    def test_leading_dimensions_are_rows(self, model, data):
        cube = data.reshape(2, 3, 2, 6)
        visible, hidden = ops.gibbs(cube, *model.parameters, 2, key=key(2))
        flat_visible, flat_hidden = ops.gibbs(data, *model.parameters, 2, key=key(2))
        assert visible.equal(flat_visible.reshape(cube.shape))
        assert hidden.equal(flat_hidden.reshape(2, 3, 2, 4))
        assert ops.free_energy(cube, *model.parameters).shape == (2, 3, 2)
        assert ops.free_energy(data[0], *model.parameters).shape == ()
        assert ops.gibbs(data[0], *model.parameters)[1].shape == (4,)

    def test_empty_batches_and_layers(self, model):
        empty = torch.zeros(0, 6, dtype=torch.float64)
        assert ops.free_energy(empty, *model.parameters).shape == (0,)
        assert ops.gibbs(empty, *model.parameters, 3)[1].shape == (0, 4)
        for hidden, visible in [(0, 6), (4, 0), (0, 0)]:
            parameters = (torch.zeros(hidden, visible), torch.zeros(visible), torch.zeros(hidden))
            v = torch.zeros(5, visible)
            assert ops.free_energy(v, *parameters).shape == (5,)
            assert ops.gibbs(v, *parameters)[1].shape == (5, hidden)
            assert ops.contrastive_divergence(v, v, *parameters)[0].shape == (hidden, visible)
            expected = (hidden + visible) * torch.log(torch.tensor(2.0, dtype=torch.float64))
            torch.testing.assert_close(ops.log_partition(*parameters), expected)

    def test_inputs_are_not_written_to(self, model, data):
        kept = [t.clone() for t in (data, *model.parameters)]
        ops.gibbs(data, *model.parameters, 3)
        ops.contrastive_divergence(data, data, *model.parameters, 3)
        assert all(a.equal(b) for a, b in zip(kept, (data, *model.parameters), strict=True))
