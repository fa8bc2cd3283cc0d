"""One operator, every way that PyTorch runs it: opcheck, TorchScript, export, autocast."""

import io

import pytest
import torch
from torch import nn

import torch_rbm
from tests.layered import Layered
from tests.operator_samples import SAMPLERS, overload, samples, tensors
from torch_rbm import ops, ratings


def test_every_operator_is_checked_here():
    registered = {
        name.removeprefix("torch_rbm::")
        for name in torch._C._dispatch_get_all_op_names()
        if name.startswith("torch_rbm::")
    }
    assert registered == set(samples()) | {"version", "unit_groups"}


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_opcheck(name, dtype):
    for arguments, options in samples(dtype)[name]:
        torch.library.opcheck(overload(name), arguments, options)


@pytest.mark.parametrize("name", samples())
def test_meta_kernels_tell_the_shapes(name):
    for arguments, options in samples()[name]:
        real = overload(name)(*arguments, **options)

        def to_meta(value):
            return value.to("meta") if isinstance(value, torch.Tensor) else value

        meta = overload(name)(
            *map(to_meta, arguments), **{k: to_meta(v) for k, v in options.items()}
        )
        for m, r in zip(tensors(meta), tensors(real), strict=True):
            assert m.device.type == "meta"
            assert (m.shape, m.dtype, m.stride()) == (r.shape, r.dtype, r.stride())


def saved_and_loaded(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


class TestTorchScript:
    @pytest.mark.parametrize(
        "how",
        ["scripted", "loaded", "frozen", "frozen and loaded", "optimized", "optimized, loaded"],
    )
    def test_two_identical_samples_differ(self, how):
        scripted = torch.jit.script(Layered().eval())
        if "frozen" in how:
            scripted = torch.jit.freeze(scripted, ["difference_of_two_samples"])
        if "optimized" in how:
            scripted = torch.jit.optimize_for_inference(scripted, ["difference_of_two_samples"])
        if "loaded" in how:
            scripted = saved_and_loaded(scripted)
        v = torch.zeros(20, 6)
        for _ in range(4):  # the profiling executor optimises after the second run
            assert scripted.difference_of_two_samples(v) > 0

    def test_equals_eager_with_gradients(self):
        module = Layered()
        loaded = saved_and_loaded(torch.jit.script(module))
        v = torch.rand(5, 6)
        for net in (module, loaded):
            net(v).sum().backward()
        torch.testing.assert_close(loaded(v), module(v))
        torch.testing.assert_close(loaded.rbm.weight.grad, module.rbm.weight.grad)

    def test_every_method_of_the_rbm(self):
        rbm = torch_rbm.RBM(6, 4)
        scripted = saved_and_loaded(torch.jit.script(rbm))
        v, h = torch.ones(2, 6), torch.ones(2, 4)
        for name, arguments in {
            "energy": (v, h),
            "free_energy": (v,),
            "hidden_mean": (v,),
            "visible_mean": (h,),
            "sample_hidden": (v,),
            "sample_visible": (h,),
            "log_partition": (),
            "moments": (),
        }.items():
            torch.manual_seed(1)
            expected = getattr(rbm, name)(*arguments)
            torch.manual_seed(1)
            torch.testing.assert_close(getattr(scripted, name)(*arguments), expected)
        generator = torch.Generator().manual_seed(2)
        first, _ = scripted.gibbs(v, 3, None, generator)
        second, _ = rbm.gibbs(v, 3, generator=torch.Generator().manual_seed(2))
        assert first.equal(second)

    def test_errors_name_the_operator(self):
        scripted = torch.jit.script(torch_rbm.RBM(6, 4))
        with pytest.raises(RuntimeError, match="torch_rbm::hidden_mean: expected visible of shape"):
            scripted(torch.zeros(2, 5))


class TestExport:
    def test_dynamic_batch(self, tmp_path):
        module = Layered().eval()
        v = torch.rand(5, 6)
        batch = torch.export.Dim("batch", min=2)
        program = torch.export.export(module, (v,), dynamic_shapes={"v": {0: batch}})
        targets = {str(node.target) for node in program.graph.nodes}
        assert {"torch_rbm.hidden_mean.default", "torch_rbm.free_energy.default"} <= targets
        torch.export.save(program, tmp_path / "rbm.pt2")
        loaded = torch.export.load(tmp_path / "rbm.pt2").module()
        for rows in (2, 9):
            x = torch.rand(rows, 6)
            torch.testing.assert_close(loaded(x), module(x))

    def test_samples_differ(self):
        class Difference(Layered):
            def forward(self, v):
                return self.difference_of_two_samples(v)

        program = torch.export.export(Difference().eval(), (torch.zeros(20, 6),))
        assert program.module()(torch.zeros(20, 6)) > 0


class TestAutocast:
    def test_layer_in_low_precision_energies_in_float32(self):
        module = Layered()
        v = torch.rand(5, 6)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert module.rbm(v).dtype == torch.bfloat16
            assert module.rbm(v.bfloat16()).dtype == torch.bfloat16
            assert module.rbm.free_energy(v.bfloat16()).dtype == torch.float32
            energy = module.rbm.energy(v, torch.ones(5, 4))
            assert energy.dtype == torch.float32
            assert module.rbm.gibbs(v.bfloat16())[0].dtype == torch.float32
            module(v).sum().backward()
        assert module.rbm.weight.grad.dtype == torch.float32
        assert energy.equal(module.rbm.energy(v, torch.ones(5, 4)))
        torch.testing.assert_close(module.rbm(v), nn.Sigmoid()(module.rbm.to_linear()(v)))

    @pytest.mark.parametrize("kind", [torch_rbm.ContrastiveDivergence])
    def test_losses(self, kind):
        rbm = torch_rbm.RBM(6, 4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            kind(rbm)(torch.ones(3, 6)).backward()
        assert rbm.weight.grad.dtype == torch.float32


def test_no_graph_is_recorded_by_samplers():
    for name, cases in samples().items():
        if name.split(".")[0] in SAMPLERS:
            for arguments, options in cases:
                for tensor in tensors(overload(name)(*arguments, **options)):
                    assert not tensor.requires_grad


def test_operators_are_found_on_the_package():
    operators = {*ops.__all__, *(f"ratings_{name}" for name in ratings.operators.__all__)}
    assert operators == {name.partition(".")[0] for name in samples()}
