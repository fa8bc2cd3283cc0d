"""Deep belief nets: stacks, pretraining, samples, likelihood bounds, and networks from them."""

import functools
import math
import shutil

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import torch_rbm
from tests.enumeration import all_states


def test_forward_is_the_stack_of_means():
    dbn = torch_rbm.DBN([6, 5, 4, 3])
    v = torch.rand(2, 7, 6)
    expected = v
    for rbm in dbn.layers:
        expected = torch.sigmoid(nn.functional.linear(expected, rbm.weight, rbm.hidden_bias))
    torch.testing.assert_close(dbn(v), expected)


def test_classifier_is_an_ordinary_sequential_that_starts_from_the_net():
    dbn = torch_rbm.DBN([6, 5, 4])
    net = dbn.classifier(3)
    assert [type(m) for m in net] == [nn.Linear, nn.Sigmoid, nn.Linear, nn.Sigmoid, nn.Linear]
    v = torch.rand(7, 6)
    torch.testing.assert_close(net[:4](v), dbn(v))
    net(v).sum().backward()
    assert all(p.grad is None for p in dbn.parameters())
    assert net[0].weight.data_ptr() != dbn.layers[0].weight.data_ptr()


def test_pretraining_raises_the_likelihood_of_the_first_layer(patterns):
    data, _ = patterns
    dbn = torch_rbm.DBN([12, 8, 4])
    first = dbn.layers[0]

    def log_likelihood():
        return (-first.free_energy(data).mean() - first.log_partition()).item()

    before = log_likelihood()
    histories = dbn.pretrain(data, epochs=60, batch_size=20, progress=False)
    assert [len(history.losses) for history in histories] == [60, 60]
    # The entropy of the patterns themselves is log 2 + 12 · H(0.05) = 3.07 nats.
    assert before == pytest.approx(-12 * math.log(2), abs=0.1)
    assert log_likelihood() > -4.5


def test_pretrained_features_separate_what_the_data_hold(patterns):
    data, labels = patterns
    dbn = torch_rbm.DBN([12, 8, 4])
    dbn.pretrain(data, epochs=60, batch_size=20, progress=False)
    features = dbn(data)
    means = torch.stack([features[labels == k].mean(0) for k in (0, 1)])
    nearest = torch.cdist(features, means).argmin(1)
    assert (nearest == labels).float().mean() > 0.97


def test_samples_look_like_the_data(patterns):
    data, _ = patterns
    dbn = torch_rbm.DBN([12, 8, 8])
    dbn.pretrain(data, epochs=100, batch_size=20, progress=False)
    samples = dbn.sample(500, steps=200)
    assert samples.shape == (500, 12)
    assert set(samples.unique().tolist()) == {0.0, 1.0}
    # The two halves of each picture agree with one of the two patterns.
    distance = torch.minimum(
        (samples - torch.tensor([1.0] * 6 + [0.0] * 6)).abs().sum(1),
        (samples - torch.tensor([0.0] * 6 + [1.0] * 6)).abs().sum(1),
    )
    assert distance.mean() < 2  # 0.6 for the data, about 4.6 for coin tosses
    means = dbn.sample(50, steps=50, mean_visible=True)
    assert 0 < means.min() < means.max() < 1


def test_a_generator_fixes_training_and_sampling(patterns):
    data, _ = patterns
    results = []
    for _ in range(2):
        torch.manual_seed(1)
        dbn = torch_rbm.DBN([12, 8, 4])
        generator = torch.Generator().manual_seed(2)
        torch.rand(1)  # the default generator has no part in it
        dbn.pretrain(data, epochs=2, generator=generator, progress=False)
        results.append((dbn.layers[1].weight, dbn.sample(5, 10, generator=generator)))
        torch.rand(len(results))
    for a, b in zip(*results, strict=True):
        assert a.equal(b)


class Counting(Dataset):
    """A dataset that knows how many of its items were ever alive at once."""

    def __init__(self, data):
        self.data = data
        self.reads = 0

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        self.reads += 1
        return self.data[index].reshape(3, 4), 0


def test_datasets_are_streamed_anew_for_each_layer(patterns):
    data, _ = patterns
    dataset = Counting(data)
    torch_rbm.DBN([12, 5, 4]).pretrain(dataset, epochs=3, batch_size=50, progress=False)
    assert dataset.reads == 200 * 3 * 2


def test_no_layer_holds_all_activations(patterns, monkeypatch):
    """The largest batch that any layer ever sees is one batch."""
    data, _ = patterns
    seen = []
    original = torch_rbm.RBM.forward

    def forward(self, visible):
        seen.append(len(visible))
        return original(self, visible)

    monkeypatch.setattr(torch_rbm.RBM, "forward", forward)
    torch_rbm.DBN([12, 5, 4]).pretrain(data, epochs=2, batch_size=30, progress=False)
    assert max(seen) == 30


def conditional(states, means):
    """Probabilities of Bernoulli states, [rows of means, states]."""
    states, means = states[None], means[:, None].double()
    return torch.where(states == 1, means, 1 - means).prod(-1)


def strong(sizes, *, scale=1.0, **options):
    """A net whose weights are far from 0, in float64."""
    torch.manual_seed(5)
    dbn = torch_rbm.DBN(sizes, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in dbn.parameters():
            parameter.normal_(std=scale)
    return dbn


@torch.no_grad()
def distribution(dbn, label=None):
    """p(v) of a net with two layers of RBMs, or p(v | label), by enumeration, [2^visible]."""
    bottom, top = dbn.layers
    middle = all_states(bottom.weight.shape[0])
    if dbn.classes == 0:
        log_p = -top.free_energy(middle)
    elif label is None:
        log_p = -top.data_free_energy(middle)
    else:
        log_p = -top.free_energy(top.joint(middle, torch.full((len(middle),), label)))
    visible = all_states(bottom.weight.shape[1])
    return log_p.softmax(0) @ conditional(visible, bottom.visible_mean(middle))


def frequencies(states):
    numbers = (states.long() << torch.arange(states.shape[1])).sum(1)
    return torch.bincount(numbers, minlength=2 ** states.shape[1]) / len(states)


NETS = {
    "tied": {},
    "untied": {"tied": False},
    "labelled": {"classes": 3},
    "labelled and untied": {"classes": 3, "tied": False},
}
nets = pytest.mark.parametrize("options", NETS.values(), ids=NETS)


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


class TestPretraining:
    def test_every_layer_has_its_own_units_and_options(self):
        torch.manual_seed(1)
        which = torch.randint(2, (400,))
        data = torch.randn(400, 6) * 0.5 + which[:, None] * 2.0 - 1
        dbn = torch_rbm.DBN([6, 8, 4], units=["gaussian", "bernoulli", "spin"])
        assert [layer.visible_units for layer in dbn.layers] == ["gaussian", "bernoulli"]
        histories = dbn.pretrain(
            data,
            epochs=[30, 20],
            batch_size=20,
            loss=[torch_rbm.ContrastiveDivergence, torch_rbm.PersistentContrastiveDivergence],
            binarize=True,
            progress=False,
        )
        assert [len(history.epochs) for history in histories] == [30, 20]
        features = dbn(data)
        assert features.min() < 0  # spins
        means = torch.stack([features[which == k].mean(0) for k in (0, 1)])
        assert (torch.cdist(features, means).argmin(1) == which).float().mean() > 0.97

    def test_labels_are_learned_at_the_top(self, patterns):
        data, labels = patterns
        for source, given in [(data, labels), (TensorDataset(data, labels), True)]:
            torch.manual_seed(2)
            dbn = torch_rbm.DBN([12, 8, 8], classes=2)
            dbn.pretrain(source, labels=given, epochs=60, batch_size=20, progress=False)
            assert (dbn(data).argmax(1) == labels).float().mean() > 0.97
            samples = dbn.sample(200, 200, label=labels)
            sides = samples[:, 6:].sum(1) > samples[:, :6].sum(1)
            assert (sides == (labels == 1)).float().mean() > 0.9

    @pytest.mark.parametrize("layers_done", [1, 2])
    def test_goes_on_where_it_was_stopped(self, patterns, tmp_path, layers_done):
        data, _ = patterns

        def pretrained(folder):
            torch.manual_seed(3)
            dbn = torch_rbm.DBN([12, 6, 5, 4])
            folder.mkdir(exist_ok=True)
            dbn.pretrain(data, epochs=3, checkpoint=folder / "net.pt", progress=False)
            return dbn

        whole = pretrained(tmp_path / "a")
        names = sorted(path.name for path in (tmp_path / "a").iterdir())
        assert names == ["net.layer1.pt", "net.layer2.pt", "net.layer3.pt"]
        (tmp_path / "b").mkdir()
        for name in names[:layers_done]:
            shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
        again = pretrained(tmp_path / "b")
        assert all(a.equal(b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"epochs": [1, 2, 3]}, ValueError, "one epochs or one for each of 2 layers, got 3"),
            ({"labels": torch.zeros(200).long()}, ValueError, "expected no labels, got some"),
            ({"optimizer": 3}, TypeError, "expected optimizer to be a class or function"),
        ],
    )
    def test_options_that_do_not_fit(self, patterns, options, error, message):
        dbn = torch_rbm.DBN([12, 4, 3])
        before = [p.clone() for p in dbn.parameters()]
        with pytest.raises(error, match=message):
            dbn.pretrain(patterns[0], progress=False, **options)
        assert all(a.equal(b) for a, b in zip(before, dbn.parameters(), strict=True))

    def test_labels_and_tied_weights_are_asked_for(self, patterns):
        with pytest.raises(ValueError, match="expected labels of 2 classes, got none"):
            torch_rbm.DBN([12, 4], classes=2).pretrain(patterns[0])
        with pytest.raises(ValueError, match="expected tied weights"):
            torch_rbm.DBN([12, 4, 3]).untied().pretrain(patterns[0])

    def test_an_error_in_the_second_layer_leaves_the_first_as_it_was(self, patterns):
        dbn = torch_rbm.DBN([12, 4, 3])
        before = dbn.layers[0].weight.detach().clone()
        broken = functools.partial(torch.optim.SGD, lr=math.inf)
        with pytest.raises(FloatingPointError):
            dbn.pretrain(
                patterns[0], epochs=2, optimizer=[torch.optim.Adam, broken], progress=False
            )
        assert dbn.layers[0].weight.equal(before)


class TestNetworks:
    def test_untied_weights_start_tied_and_are_free(self):
        dbn = strong([5, 4, 3], classes=2)
        free = dbn.untied()
        v = all_states(5)
        torch.testing.assert_close(free(v), dbn(v))
        h = all_states(4)
        torch.testing.assert_close(free.layers[0].visible_mean(h), dbn.layers[0].visible_mean(h))
        with torch.no_grad():
            free.layers[0].generative_weight.zero_()
        torch.testing.assert_close(free(v), dbn(v))
        assert (free.layers[0].visible_mean(h) - dbn.layers[0].visible_mean(h)).abs().max() > 0.1
        again = free.untied()
        assert again.layers[0].generative_weight.equal(free.layers[0].generative_weight)

    @nets
    def test_files_and_scripts(self, options, tmp_path):
        dbn = strong([5, 4, 3], units=["gaussian", "bernoulli", "spin"], **options)
        torch_rbm.save(dbn, tmp_path / "net.pt")
        loaded = torch_rbm.load(tmp_path / "net.pt")
        assert repr(loaded) == repr(dbn)
        torch.jit.script(dbn).save(tmp_path / "script.pt")
        scripted = torch.jit.load(tmp_path / "script.pt")
        v = torch.randn(7, 5, dtype=torch.float64)
        label = torch.tensor([0, 1]) if dbn.classes else None
        expected = dbn.sample(2, 5, generator=torch.Generator().manual_seed(1), label=label)
        for other in (loaded, scripted):
            assert other(v).equal(dbn(v))
            generator = torch.Generator().manual_seed(1)
            assert other.sample(2, 5, generator=generator, label=label).equal(expected)

    def test_an_autoencoder_is_the_net_up_and_down(self):
        dbn = strong([5, 4, 3, 2], units=["bernoulli", "bernoulli", "spin", "gaussian"])
        net = dbn.autoencoder()
        v = all_states(5)
        code = dbn(v)
        torch.testing.assert_close(net.encoder(v), code)
        means = code
        for layer in reversed(dbn.layers):
            means = layer.visible_mean(means)
        torch.testing.assert_close(net(v), means)
        net(v).sum().backward()
        assert net.encoder[0].weight.grad is not None
        assert all(parameter.grad is None for parameter in dbn.parameters())
        weights = [m.weight for m in [*net.encoder, *net.decoder] if isinstance(m, nn.Linear)]
        assert len({weight.data_ptr() for weight in weights}) == 6

    def test_learned_precisions_are_in_the_decoder(self):
        dbn = torch_rbm.DBN([5, 4], units=["gaussian", "bernoulli"], dtype=torch.float64)
        dbn.layers = nn.ModuleList(
            [torch_rbm.RBM(5, 4, visible_units="gaussian", learn_precision=True).double()]
        )
        with torch.no_grad():
            for parameter in dbn.parameters():
                parameter.normal_()
        h = all_states(4)
        torch.testing.assert_close(dbn.autoencoder().decoder(h), dbn.layers[0].visible_mean(h))

    @pytest.mark.parametrize(
        ("units", "kind"),
        [("bernoulli", nn.Sigmoid), ("spin", nn.Tanh), ("relu", nn.ReLU)],
    )
    def test_activations_are_the_means_of_the_units(self, units, kind):
        dbn = strong([5, 4], units=["bernoulli", units])
        net = dbn.classifier(3, dropout=0.5)
        assert [type(m) for m in net] == [nn.Linear, kind, nn.Dropout, nn.Linear]
        v = all_states(5)
        if units != "relu":  # whose mean is that of a truncated normal
            torch.testing.assert_close(net[:2](v), dbn(v))
        regressor = strong([5, 4], units=["bernoulli", "categorical(2)"]).regressor(2)
        torch.testing.assert_close(
            regressor[:-1](v), strong([5, 4], units=["bernoulli", "categorical(2)"])(v)
        )
        assert regressor(v).equal(torch.zeros(32, 2, dtype=torch.float64))

    def test_networks_that_cannot_be_made(self):
        with pytest.raises(ValueError, match="without classes"):
            torch_rbm.DBN([5, 4], classes=2).classifier(2)
        with pytest.raises(ValueError, match=r"dropout in \[0, 1\), got 1"):
            torch_rbm.DBN([5, 4]).classifier(2, dropout=1.0)
        mixed = torch_rbm.DBN([5, 4], units=["bernoulli", "gaussian:2, spin:2"])
        with pytest.raises(ValueError, match="units of one type"):
            mixed.regressor(1)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"units": ["gaussian"]}, "units for each of 2 layers, got 1"),
            ({"classes": -1}, "classes >= 0"),
            ({"classes": 1}, "classes >= 2"),
        ],
    )
    def test_nets_that_cannot_be_made(self, options, message):
        with pytest.raises(ValueError, match=message):
            torch_rbm.DBN([5, 4], **options)


class TestPretrainingInPlace:
    def test_layers_of_a_network_learn_as_rbms_do(self, patterns):
        data, labels = patterns
        torch.manual_seed(4)
        net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(12, 8),
            nn.Sigmoid(),
            nn.Dropout(0.5),
            nn.Linear(8, 4),
            nn.ReLU(),
            nn.Linear(4, 2),
        )
        head = net[-1].weight.detach().clone()
        first, second = torch_rbm.pretrain(
            net, data.view(200, 3, 4), epochs=60, batch_size=20, progress=False
        )
        assert net.training
        assert first.weight is net[1].weight
        assert (second.visible_units, second.hidden_units) == ("bernoulli", "relu")
        assert net[-1].weight.equal(head)
        assert -first.free_energy(data).mean() - first.log_partition() > -4.5
        features = net.eval()[:6](data)
        means = torch.stack([features[labels == k].mean(0) for k in (0, 1)])
        assert (torch.cdist(features, means).argmin(1) == labels).float().mean() > 0.97

    def test_networks_without_such_layers(self, patterns):
        with pytest.raises(TypeError, match=r"pretrain: expected module to be an nn\.Sequential"):
            torch_rbm.pretrain(nn.Linear(12, 2), patterns[0])
        with pytest.raises(ValueError, match=r"found none"):
            torch_rbm.pretrain(nn.Sequential(nn.Linear(12, 2)), patterns[0])
        with pytest.raises(ValueError, match="linear layers with a bias"):
            torch_rbm.pretrain(
                nn.Sequential(nn.Linear(12, 2, bias=False), nn.Sigmoid()), patterns[0]
            )

    def test_errors_leave_the_network_as_it_was(self, patterns):
        net = nn.Sequential(nn.Linear(12, 8), nn.Sigmoid(), nn.Linear(8, 4), nn.Sigmoid())
        before = [p.detach().clone() for p in net.parameters()]
        broken = functools.partial(torch.optim.SGD, lr=math.inf)
        with pytest.raises(FloatingPointError):
            torch_rbm.pretrain(
                net, patterns[0], epochs=2, optimizer=[torch.optim.Adam, broken], progress=False
            )
        assert all(a.equal(b) for a, b in zip(before, net.parameters(), strict=True))
