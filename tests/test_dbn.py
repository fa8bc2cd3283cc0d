"""Deep belief nets: means, samples, likelihood bounds."""

import pytest
import torch
from torch import nn

import torch_rbm
from tests.belief_nets import conditional, distribution, nets, strong
from tests.enumeration import all_states


def test_forward_is_the_stack_of_means():
    dbn = torch_rbm.DBN([6, 5, 4, 3])
    v = torch.rand(2, 7, 6)
    expected = v
    for rbm in dbn.layers:
        expected = torch.sigmoid(nn.functional.linear(expected, rbm.weight, rbm.hidden_bias))
    torch.testing.assert_close(dbn(v), expected)


def frequencies(states):
    numbers = (states.long() << torch.arange(states.shape[1])).sum(1)
    return torch.bincount(numbers, minlength=2 ** states.shape[1]) / len(states)


class TestGeneration:
    @nets
    def test_samples_have_the_distribution_of_the_net(self, options):
        dbn = strong([4, 3, 2], **options)
        samples = dbn.sample(20_000, 100)
        expected = distribution(dbn)
        assert (frequencies(samples) - expected).abs().sum() / 2 < 0.02
        means = dbn.sample(20_000, 100, mean_visible=True).mean(0)
        torch.testing.assert_close(means, expected @ all_states(4), rtol=0, atol=0.015)

    @pytest.mark.parametrize("tied", [True, False])
    def test_samples_of_a_class(self, tied):
        dbn = strong([4, 3, 8], scale=2.0, classes=3, tied=tied)
        labels = torch.arange(3).repeat(10_000)
        samples = dbn.sample(len(labels), 100, label=labels)
        for label in range(3):
            shares = frequencies(samples[labels == label])
            assert (shares - distribution(dbn, label)).abs().sum() / 2 < 0.03
        classes = [distribution(dbn, label) for label in range(3)]
        assert (classes[0] - classes[1]).abs().sum() / 2 > 0.1  # or the test could not fail

    def test_classes_are_recognised_by_bayes_rule(self):
        """With one layer, where recognition is exact."""
        dbn = strong([4, 3], classes=3)
        data = all_states(4)
        rbm = dbn.layers[0]
        joint = torch.stack(
            [-rbm.free_energy(rbm.joint(data, torch.full((16,), k))) for k in range(3)], 1
        )
        torch.testing.assert_close(dbn(data), joint.log_softmax(1))
        torch.testing.assert_close(-rbm.data_free_energy(data), joint.logsumexp(1))
        assert dbn.features(data).equal(data)

    @pytest.mark.parametrize(
        ("classes", "label", "message"),
        [
            (0, torch.zeros(5, dtype=torch.long), "a label only for a net with classes"),
            (3, torch.zeros(4, dtype=torch.long), r"label of shape \[5\], got \[4\]"),
            (3, torch.full((5,), 3), "labels from 0 to 2, got 3 to 3"),
        ],
    )
    def test_labels_that_do_not_fit(self, classes, label, message):
        with pytest.raises(ValueError, match=message):
            torch_rbm.DBN([4, 3, 2], classes=classes).sample(5, 1, label=label)

    def test_a_number_is_no_label_of_samples(self):
        with pytest.raises(TypeError, match="one class for each sample"):
            torch_rbm.DBN([4, 3, 2], classes=3).sample(5, 1, label=2)


@torch.no_grad()
def enumerated_bound(dbn, data):
    """The variational bound with the expectation over the pass up taken exactly."""
    bottom, top = dbn.layers
    middle = all_states(bottom.weight.shape[0])
    free = top.free_energy(middle) if dbn.classes == 0 else top.data_free_energy(middle)
    q = conditional(middle, bottom.hidden_mean(data))
    p = conditional(data, bottom.visible_mean(middle)).t()
    return (q * (p.log() - free - top.log_partition() - q.log())).sum(1).mean().item()


class TestLowerBound:
    @nets
    def test_equals_its_enumeration_and_is_below_the_likelihood(self, options):
        dbn = strong([4, 3, 2], scale=0.7, **options)
        data = all_states(4)[torch.randint(16, (500,))]
        estimate = torch_rbm.lower_bound(dbn, data, samples=200)
        assert estimate.method == "exact"
        assert 0 < estimate.error < 0.01
        assert abs(estimate.value - enumerated_bound(dbn, data)) < 5 * estimate.error
        numbers = (data.long() << torch.arange(4)).sum(1)
        assert estimate.value < distribution(dbn)[numbers].log().mean() + 5 * estimate.error

    def test_of_one_layer_is_its_log_likelihood(self):
        dbn = strong([5, 3])
        data = all_states(5)
        bound = torch_rbm.lower_bound(dbn, data)
        assert bound.value == pytest.approx(torch_rbm.log_likelihood(dbn.layers[0], data).value)
        assert bound.error == 0

    def test_of_real_data_and_with_ais(self):
        torch.manual_seed(1)
        dbn = torch_rbm.DBN([5, 4, 3], units=["gaussian", "bernoulli", "bernoulli"])
        data = torch.randn(3000, 5) * 2
        exact = torch_rbm.lower_bound(dbn, data)
        # Without weights to speak of, the net is a standard normal distribution.
        normal = torch.distributions.Normal(0, 1).log_prob(data).sum(1).mean().item()
        assert exact.value == pytest.approx(normal, abs=0.05)
        ais = torch_rbm.lower_bound(dbn, data, method="ais", betas=200, progress=False)
        assert ais.method == "ais"
        assert abs(ais.value - exact.value) < 5 * (ais.error + exact.error) + 1e-3

    def test_refuses_what_it_cannot_judge(self):
        dbn = torch_rbm.DBN([4, 3, 2])
        with pytest.raises(TypeError, match=r"lower_bound: expected a torch_rbm\.DBN"):
            torch_rbm.lower_bound(torch_rbm.RBM(4, 3), torch.zeros(1, 4))
        with pytest.raises(ValueError, match="at least one case"):
            torch_rbm.lower_bound(dbn, torch.zeros(0, 4))
        with pytest.raises(ValueError, match="lower_bound: expected visible"):
            torch_rbm.lower_bound(dbn, torch.full((2, 4), 0.5))
