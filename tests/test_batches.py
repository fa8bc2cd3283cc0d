"""The sources that training takes data from."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import torch_rbm
from torch_rbm.data import Batches
from torch_rbm.sparse import as_cases, in_single_if_exact
from torch_rbm.standardization import Standardization


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
        ("cases", "expected"), [(5, 1), (95, 10), (5000, 100), (10_000, 100), (20_000, 200)]
    )
    @pytest.mark.parametrize("make", [lambda x: x, TensorDataset], ids=["tensor", "dataset"])
    def test_few_cases_are_in_small_batches(self, make, cases, expected):
        assert len(self.batches(make(torch.zeros(cases, 1)), batch_size=None)) == expected

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

    def test_pairs(self):
        """Labels come from a second tensor, or from the items of a dataset."""
        data, labels = torch.rand(10, 3), torch.arange(10)
        pairs = TensorDataset(data, labels)
        for source, beside in [
            (data, labels),
            (pairs, True),
            (DataLoader(pairs, batch_size=4), True),
        ]:
            batches = self.batches(source, beside=beside)
            for batch, classes in batches:
                assert classes.dtype == torch.int64
                assert batch.equal(data[classes])
        real = data.double()
        batch, targets = next(iter(self.batches(data, beside=real)))
        assert targets.dtype == torch.float32
        assert targets.equal(batch)

    def test_pictures_keep_their_shape_where_it_is_wanted(self):
        batch, _ = next(iter(self.batches(torch.rand(5, 1, 2, 3), flatten=False)))
        assert batch.shape == (4, 1, 2, 3)

    @pytest.mark.parametrize(
        ("data", "beside", "error", "message"),
        [
            (torch.rand(5, 3), torch.arange(4), ValueError, "expected labels of 5 cases, got"),
            (torch.rand(5, 3), True, TypeError, "expected labels in a tensor"),
            (TensorDataset(torch.rand(5, 3)), True, TypeError, r"batches \(data, labels\)"),
        ],
    )
    def test_labels_that_do_not_fit(self, data, beside, error, message):
        with pytest.raises(error, match=message):
            list(self.batches(data, beside=beside))


def test_a_data_frame_is_taken_as_its_numbers():
    pandas = pytest.importorskip("pandas")
    numbers = torch.rand(20, 4)
    frame = pandas.DataFrame(numbers.numpy(), columns=list("abcd"))
    batches = Batches("fit", frame, 20, torch.zeros(()))
    ((rows, _),) = list(batches)
    assert rows.sort(0).values.equal(numbers.sort(0).values)


@pytest.mark.parametrize("kind", ["array", "frame", "scipy"])
def test_tables_of_whole_numbers(kind):
    """What pandas reads of a table of yes and no, from the start to the likelihood."""
    numbers = (np.random.default_rng(0).random((40, 6)) < 0.3).astype(np.int64)
    if kind == "frame":
        data = pytest.importorskip("pandas").DataFrame(numbers)
    elif kind == "scipy":
        data = pytest.importorskip("scipy.sparse").csr_matrix(numbers)
    else:
        data = numbers
    likelihoods = []
    for cases in (data, torch.from_numpy(numbers).float()):
        torch.manual_seed(0)
        rbm = torch_rbm.RBM(6, 3)
        torch_rbm.initialize(rbm, cases)
        torch_rbm.fit(rbm, cases, epochs=2, validation=cases, progress=False)
        likelihoods.append(torch_rbm.log_likelihood(rbm, cases, progress=False).value)
        if kind != "scipy":
            likelihoods.append(torch_rbm.pseudo_log_likelihood(rbm, cases).mean().item())
            likelihoods.append(torch_rbm.kl_divergence(rbm, cases))
    half = len(likelihoods) // 2
    assert likelihoods[:half] == pytest.approx(likelihoods[half:], abs=1e-5)


@pytest.mark.parametrize("kind", ["array", "frame", "mixed frame", "scipy", "csr"])
def test_large_whole_numbers_keep_their_digits(kind):
    """Seconds since 1970, say: float32 knows every 128th of them."""
    numbers = 1_700_000_000 + np.random.default_rng(0).permutation(120).reshape(40, 3)
    if "frame" in kind:
        data = pytest.importorskip("pandas").DataFrame(numbers)
        if kind == "mixed frame":
            data[3] = numbers[:, 0] % 2 == 0
    elif kind == "scipy":
        data = pytest.importorskip("scipy.sparse").csr_matrix(numbers)
    else:
        data = numbers if kind == "array" else torch.from_numpy(numbers).to_sparse_csr()
    cases = as_cases(data).to_dense()
    assert np.array_equal(cases[:, :3].numpy(), numbers)

    units = torch_rbm.RBM(cases.shape[1], 2, visible_units="gaussian").visible_layer()
    standard = Standardization.of(data, units).apply(data)
    assert standard.std(0, correction=0).tolist() == pytest.approx([1.0] * units.size, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.float64])
@pytest.mark.parametrize("layout", [torch.strided, torch.sparse_csr])
def test_numbers_that_float32_holds_become_float32(dtype, layout):
    numbers = torch.tensor([[0, 1], [2, 3]], dtype=dtype)
    if layout == torch.sparse_csr:
        numbers = numbers.to_sparse_csr()
    cases = in_single_if_exact(numbers)
    assert cases.dtype == torch.float32
    assert cases.to_dense().equal(numbers.to_dense().float())
