"""Pretraining layer by layer: of deep belief nets and of the layers of any network."""

import functools
import math
import shutil

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import torch_rbm


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
