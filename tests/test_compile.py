"""torch.compile: every loss in one graph, no new compilation for other sizes, eager's numbers."""

import functools

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

import torch_rbm
from tests.layered import Layered
from torch_rbm import ops

PCD = functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=20)
LOSSES = {
    "CD-1": torch_rbm.ContrastiveDivergence,
    "CD-3": functools.partial(torch_rbm.ContrastiveDivergence, steps=3, mean_visible=True),
    "PCD": PCD,
    "PCD, centred": functools.partial(PCD, centered=True, sampled_hidden=True),
    "FPCD": functools.partial(torch_rbm.FastPersistentContrastiveDivergence, chains=20),
    "mean field": torch_rbm.MeanFieldContrastiveDivergence,
    "tempering": functools.partial(torch_rbm.ParallelTempering, chains=20, temperatures=4),
    "exact": functools.partial(torch_rbm.ExactLikelihood, centered=True),
}
# The first size is compiled as it is, the second as any size.
GRAPHS = 2


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def batch(rows: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    return (torch.rand(rows, 6, generator=generator) < 0.4).float()


def trained(factory, backend) -> tuple[torch_rbm.RBM, list[float]]:
    """An RBM after updates from batches of many sizes, and the values of the loss."""
    torch.manual_seed(0)
    rbm = torch_rbm.RBM(6, 4)
    loss = factory(rbm)
    step = loss if backend is None else torch.compile(loss, fullgraph=True, backend=backend)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=0.1)
    values = []
    for rows in (8, 12, 9, 30, 8):
        optimizer.zero_grad()
        value = step(batch(rows))
        value.backward()
        optimizer.step()
        values.append(value.item())
    return rbm, values


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_losses(name, backend):
    if backend == "inductor" and name not in ("CD-1", "PCD, centred", "exact"):
        pytest.skip("the graphs are alike, and inductor takes its time")
    counter = CompileCounterWithBackend(backend)
    compiled, values = trained(LOSSES[name], counter)
    eager, expected = trained(LOSSES[name], None)
    assert values == pytest.approx(expected, rel=1e-4, abs=1e-5)
    for actual, parameter in zip(compiled.parameters(), eager.parameters(), strict=True):
        torch.testing.assert_close(actual, parameter)
    assert counter.frame_count <= GRAPHS


def test_any_number_of_steps_is_one_graph():
    counter = CompileCounterWithBackend("aot_eager")
    weight, bias, other = torch.randn(4, 6), torch.zeros(6), torch.zeros(4)

    @torch.compile(fullgraph=True, backend=counter)
    def gradient(v, steps):
        return ops.contrastive_divergence(v, v, weight, bias, other, steps)

    for steps in (1, 2, 3, 10, 25):
        torch.manual_seed(steps)
        compiled = gradient(batch(8), steps)
        torch.manual_seed(steps)
        eager = ops.contrastive_divergence(batch(8), batch(8), weight, bias, other, steps)
        for actual, expected in zip(compiled, eager, strict=True):
            torch.testing.assert_close(actual, expected)
    assert counter.frame_count <= GRAPHS


def test_tempering_adapts_between_compiled_calls():
    """In a graph the temperatures stay; ``adapt`` changes them."""
    torch.manual_seed(0)
    rbm = torch_rbm.RBM(12, 8)
    torch.nn.init.normal_(rbm.weight, std=2.0)
    loss = torch_rbm.ParallelTempering(rbm, chains=10, temperatures=3)
    step = torch.compile(loss, fullgraph=True, backend="aot_eager")
    v = (torch.rand(8, 12) < 0.5).float()
    for _ in range(60):
        step(v).backward()
    assert len(loss.betas) == 3
    assert (loss.proposed > 0).all()
    loss.adapt()
    assert len(loss.betas) == 4
    step(v).backward()


def test_layer_with_gradients():
    module = Layered()
    compiled = torch.compile(module, fullgraph=True)
    for rows in (5, 9, 12):
        v = torch.rand(rows, 6)
        module.zero_grad()
        module(v).sum().backward()
        expected = module.rbm.weight.grad.clone()
        module.zero_grad()
        compiled(v).sum().backward()
        torch.testing.assert_close(module.rbm.weight.grad, expected)


def test_samples_equal_eager_and_differ_from_each_other():
    rbm = torch_rbm.RBM(6, 4)

    @torch.compile(fullgraph=True)
    def two(v):
        return rbm.gibbs(v, 2)[0], rbm.gibbs(v, 2)[0]

    v = torch.zeros(20, 6)
    torch.manual_seed(3)
    first, second = two(v)
    torch.manual_seed(3)
    assert first.equal(rbm.gibbs(v, 2)[0])
    assert second.equal(rbm.gibbs(v, 2)[0])
    assert not first.equal(second)
