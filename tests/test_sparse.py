"""CSR data: everything equals the dense run with the same key."""

import functools

import pytest
import scipy.sparse
import torch

import torch_rbm
from torch_rbm import ops
from torch_rbm.sparse import column_sums, select_rows, split_rows

# PyTorch says of its CSR tensors that they are in beta state.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

KEY = {"key": torch.tensor([3, 4])}


def example(rows=300, units=200, density=0.05, dtype=torch.float32):
    torch.manual_seed(0)
    dense = (torch.rand(rows, units) < density).to(dtype)
    weight = 0.1 * torch.randn(20, units)
    return dense, dense.to_sparse_csr(), (weight, torch.randn(units) - 3, torch.randn(20))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.uint8], ids=str)
@pytest.mark.parametrize("index", [torch.int64, torch.int32], ids=str)
def test_operators(dtype, index):
    dense, csr, (w, b, c) = example(dtype=dtype)
    csr = torch.sparse_csr_tensor(
        csr.crow_indices().to(index), csr.col_indices().to(index), csr.values(), csr.shape
    )
    assert ops.hidden_mean(csr, w, c).equal(ops.hidden_mean(dense, w, c))
    assert ops.free_energy(csr, w, b, c).equal(ops.free_energy(dense, w, b, c))
    assert ops.sample_hidden(csr, w, c, **KEY).equal(ops.sample_hidden(dense, w, c, **KEY))
    sparse = ops.contrastive_divergence_with_means(csr, csr, w, b, c, 2, **KEY)
    full = ops.contrastive_divergence_with_means(dense, dense, w, b, c, 2, **KEY)
    assert sparse[-1].layout == torch.sparse_csr
    assert sparse[-1].dtype == dtype
    for a, e in zip(sparse, full, strict=True):
        assert (a.to_dense() if a.layout == torch.sparse_csr else a).equal(e)


def test_sparse_data_with_dense_chains():
    dense, csr, (w, b, c) = example()
    chain = dense[:64].bool()
    sparse = ops.contrastive_divergence(csr, chain, w, b, c, 3, **KEY)
    full = ops.contrastive_divergence(dense, chain, w, b, c, 3, **KEY)
    assert all(a.equal(e) for a, e in zip(sparse, full, strict=True))


def test_other_values_than_one():
    """Explicit zeros are zeros; probabilities are multiplied as such."""
    dense, csr, (w, b, c) = example(density=0.1)
    values = csr.values().clone()
    values[::7] = 0
    zeros = torch.sparse_csr_tensor(csr.crow_indices(), csr.col_indices(), values, csr.shape)
    assert ops.hidden_mean(zeros, w, c).equal(ops.hidden_mean(zeros.to_dense(), w, c))
    values[::5] = 0.3
    grey = torch.sparse_csr_tensor(csr.crow_indices(), csr.col_indices(), values, csr.shape)
    for a, e in zip(
        ops.contrastive_divergence(grey, csr, w, b, c, **KEY)[:3],
        ops.contrastive_divergence(grey.to_dense(), dense, w, b, c, **KEY)[:3],
        strict=True,
    ):
        torch.testing.assert_close(a, e)


def test_derivatives():
    dense, csr, parameters = example()
    for function in (ops.free_energy, lambda v, w, _, c: ops.hidden_mean(v, w, c)):
        sparse = [p.clone().requires_grad_() for p in parameters]
        full = [p.clone().requires_grad_() for p in parameters]
        function(csr, *sparse).sum().backward()
        function(dense, *full).sum().backward()
        for a, e in zip(sparse, full, strict=True):
            assert (a.grad is None) == (e.grad is None)
            if a.grad is not None:
                torch.testing.assert_close(a.grad, e.grad)


@pytest.mark.parametrize(
    "loss",
    [
        torch_rbm.ContrastiveDivergence,
        functools.partial(torch_rbm.ContrastiveDivergence, centered=True, steps=2),
        functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=30),
    ],
)
def test_fit_equals_the_dense_fit(loss):
    """CSR tensor, scipy.sparse matrix and dense tensor: the same parameters, bit for bit."""
    dense, csr, _ = example()
    learned = []
    for data in (dense, csr, scipy.sparse.coo_array(dense.numpy())):
        rbm = torch_rbm.RBM(200, 20)
        torch.manual_seed(2)  # where the chains of PCD start
        generator = torch.Generator().manual_seed(1)
        torch_rbm.initialize(rbm, csr if data is csr else dense, generator=generator)
        torch_rbm.fit(rbm, data, loss=loss, epochs=3, generator=generator, progress=False)
        learned.append([p.detach() for p in rbm.parameters()])
    for other in learned[1:]:
        for a, b in zip(learned[0], other, strict=True):
            assert a.equal(b)


def test_likelihood():
    dense, csr, _ = example()
    rbm = torch_rbm.RBM(200, 10)
    torch_rbm.initialize(rbm, csr)
    full = torch_rbm.log_likelihood(rbm, dense)
    assert torch_rbm.log_likelihood(rbm, csr).value == pytest.approx(full.value, abs=1e-4)


def test_helpers():
    dense, csr, _ = example(rows=23)
    rows = torch.tensor([5, 5, 0, 22, 7])
    assert select_rows(csr, rows).to_dense().equal(dense[rows])
    assert torch.cat([p.to_dense() for p in split_rows(csr, 10)]).equal(dense)
    assert column_sums(csr).equal(column_sums(dense))


def test_bad_values_are_named_by_their_position():
    _, csr, _ = example()
    values = csr.values().clone()
    values[3] = 2.0
    wrong = torch.sparse_csr_tensor(csr.crow_indices(), csr.col_indices(), values, csr.shape)
    position = wrong.to_dense().eq(2).nonzero()[0].tolist()
    rbm = torch_rbm.RBM(200, 4)
    message = rf"got 2.0 at position \[{position[0]}, {position[1]}\]"
    with pytest.raises(ValueError, match=message):
        torch_rbm.fit(rbm, wrong, progress=False)
    many = torch.zeros(900_001, dtype=torch.int64)
    many[-1] = 1  # one value, in the last of so many rows that they could not be made dense
    late = torch.sparse_csr_tensor(many, [7], [-1.0], (900_000, 200_000))
    with pytest.raises(ValueError, match=r"got -1.0 at position \[899999, 7\]"):
        torch_rbm.fit(torch_rbm.RBM(200_000, 1), late, progress=False)
    with pytest.raises(TypeError, match="dense data for units other than bernoulli"):
        torch_rbm.fit(torch_rbm.RBM(200, 4, visible_units="gaussian"), csr, progress=False)
    with pytest.raises(TypeError, match="gibbs: expected visible of layout"):
        rbm.gibbs(csr)
    with pytest.raises(TypeError, match="expected chain of layout"):
        torch_rbm.ContrastiveDivergence(rbm, mean_visible=True)(csr)
