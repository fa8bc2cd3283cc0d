"""Deep belief nets, and the sources that training takes data from."""

import functools
import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import torch_rbm
from torch_rbm.data import Batches


@pytest.fixture
def patterns():
    """Two groups of noisy pictures, [200, 12], and which group each is of."""
    labels = torch.arange(200) % 2
    ideal = torch.stack([torch.arange(12) < 6, torch.arange(12) >= 6]).float()
    flips = torch.rand(200, 12) < 0.05
    return (ideal[labels] - flips.float()).abs(), labels


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
    gaps = dbn.pretrain(data, epochs=60, batch_size=20, progress=False)
    assert [len(g) for g in gaps] == [60, 60]
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


class TestBatches:
    like = torch.zeros(1)

    def batches(self, data, **options):
        return Batches("test", data, **{"batch_size": 4, "like": self.like, **options})

    def test_a_tensor_is_shuffled_in_every_pass_and_nothing_is_lost(self):
        data = torch.arange(10.0).reshape(10, 1).expand(10, 3)
        batches = self.batches(data)
        passes = [torch.cat([batch for batch, _ in batches]) for _ in range(2)]
        assert len(batches) == 3
        assert not passes[0].equal(passes[1])
        for rows in passes:
            assert rows[:, 0].sort().values.equal(torch.arange(10.0))

    @pytest.mark.parametrize(
        "make",
        [
            lambda x: x,
            lambda x: x.numpy(),
            lambda x: TensorDataset(x, torch.zeros(10)),
            lambda x: DataLoader(TensorDataset(x), batch_size=4),
            lambda x: DataLoader(list(x), batch_size=4),
        ],
        ids=["tensor", "array", "dataset", "loader of tuples", "loader of tensors"],
    )
    def test_sources(self, make):
        data = torch.rand(10, 2, 3, dtype=torch.float64)
        rows = torch.cat([batch for batch, _ in self.batches(make(data))])
        assert rows.shape == (10, 6)
        assert rows.dtype == torch.float32
        torch.testing.assert_close(rows.sum(), data.sum().float())

    def test_binary_data_keep_their_dtype(self):
        batch, _ = next(iter(self.batches(torch.ones(5, 3, dtype=torch.uint8))))
        assert batch.dtype == torch.uint8

    def test_masks_go_with_their_rows(self):
        data = torch.rand(10, 3)
        observed = data > 0.5
        for batch, mask in self.batches(data, beside=observed):
            assert mask.equal(batch > 0.5)
        with pytest.raises(TypeError, match="data in one tensor with observed"):
            self.batches(TensorDataset(data), beside=observed, name="observed")

    @pytest.mark.parametrize("make", [lambda x: x, TensorDataset], ids=["tensor", "dataset"])
    def test_a_pass_can_go_on_from_any_batch(self, make):
        data = make(torch.rand(10, 3))
        batches = self.batches(data, generator=torch.Generator().manual_seed(1))
        next(iter(batches))
        whole = [batch for batch, _ in batches]
        other = self.batches(data, generator=torch.Generator().manual_seed(2))
        other.start_at(batches.pass_state, 1)
        rest = [batch for batch, _ in other]
        assert len(rest) == 2
        assert all(a.equal(b) for a, b in zip(rest, whole[1:], strict=True))
        again = [batch for batch, _ in batches]  # and both go on alike
        assert all(a.equal(b[0]) for a, b in zip(again, other, strict=True))


def test_fit_takes_any_optimiser_and_loss(patterns):
    data, _ = patterns
    rbm = torch_rbm.RBM(12, 8)
    torch_rbm.fit(
        rbm,
        data.bool(),
        epochs=100,
        batch_size=20,
        loss=functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=50, steps=5),
        optimizer=functools.partial(torch.optim.Adam, lr=0.02),
        progress=False,
    )
    assert -rbm.free_energy(data).mean() - rbm.log_partition() > -4.5
