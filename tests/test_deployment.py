"""Files that run without this code: packages of AOTInductor, and ONNX."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import torch_rbm
from torch_rbm.deployment import to_exported_program, to_onnx, to_package

ROWS = (1, 2, 9)


def models() -> dict[str, tuple[torch.nn.Module, str, int]]:
    """Models with weights that matter, a method of each, and the width of what it takes."""
    made = {
        "features": (torch_rbm.RBM(6, 4), "forward", 6),
        "energies": (
            torch_rbm.RBM(6, 4, visible_units=[("a", "gaussian", 4), ("b", "spin", 2)]),
            "free_energy",
            6,
        ),
        "categories": (torch_rbm.RBM(6, 4, hidden_units="categorical(2)"), "free_energy", 6),
        "classes": (torch_rbm.ClassificationRBM(6, 4, 3), "forward", 6),
        "deep": (torch_rbm.DBN([6, 5, 4]), "forward", 6),
        "network": (torch_rbm.DBN([6, 5, 4]).classifier(3), "forward", 6),
    }
    torch.manual_seed(0)
    for module, _, _ in made.values():
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter)
    return made


def batch(rows: int, width: int) -> torch.Tensor:
    return (torch.rand(rows, width, generator=torch.Generator().manual_seed(rows)) < 0.5).float()


@pytest.mark.parametrize("name", models())
def test_exported_programs(name):
    module, method, width = models()[name]
    program = to_exported_program(module, batch(3, width), method=method)
    for rows in ROWS:
        v = batch(rows, width)
        torch.testing.assert_close(program.module()(v), getattr(module.eval(), method)(v))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "energies.pt2"
    module, method, width = models()["energies"]
    to_package(module, batch(3, width), path, method=method)
    return path


class TestPackages:
    def test_any_number_of_rows(self, package):
        module, method, width = models()["energies"]
        loaded = torch._inductor.aoti_load_package(str(package))
        for rows in ROWS:
            v = batch(rows, width)
            torch.testing.assert_close(loaded(v), getattr(module, method)(v))

    def test_samples_differ(self, tmp_path):
        class Sampler(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.rbm = torch_rbm.RBM(6, 4)

            def forward(self, data):
                return self.rbm.gibbs(data, 2)[0] - self.rbm.gibbs(data, 2)[0]

        to_package(Sampler(), batch(3, 6), tmp_path / "sampler.pt2")
        loaded = torch._inductor.aoti_load_package(str(tmp_path / "sampler.pt2"))
        difference = loaded(torch.zeros(20, 6))
        assert (difference != 0).any()
        assert not difference.equal(loaded(torch.zeros(20, 6)))

    def test_without_torch_rbm_the_operator_is_named(self, package):
        code = f"""
            import torch
            torch._inductor.aoti_load_package({str(package)!r})(torch.zeros(2, 6))
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
        )
        assert done.returncode != 0
        assert "torch_rbm::free_energy" in done.stderr


class TestONNX:
    @pytest.mark.parametrize("name", models())
    def test_onnxruntime_agrees(self, name, tmp_path):
        pytest.importorskip("onnxscript")
        runtime = pytest.importorskip("onnxruntime")
        module, method, width = models()[name]
        path = tmp_path / "model.onnx"
        to_onnx(module, batch(3, width), path, method=method)
        session = runtime.InferenceSession(path)
        for rows in ROWS:
            v = batch(rows, width)
            (result,) = session.run([method], {"data": v.numpy()})
            expected = getattr(module.eval(), method)(v).detach().numpy()
            np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)

    def test_a_model_in_float64(self, tmp_path):
        """As the command line makes of columns of real numbers."""
        pytest.importorskip("onnxscript")
        runtime = pytest.importorskip("onnxruntime")
        rbm = torch_rbm.RBM(6, 4, visible_units="gaussian", dtype=torch.float64)
        torch.nn.init.normal_(rbm.weight)
        data = 10 * torch.randn(20, 6, dtype=torch.float64)
        for method in ("forward", "free_energy"):
            to_onnx(rbm, data[:3], tmp_path / "model.onnx", method=method)
            session = runtime.InferenceSession(tmp_path / "model.onnx")
            (result,) = session.run([method], {"data": data.numpy()})
            expected = getattr(rbm, method)(data).detach().numpy()
            np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12)

    def test_random_numbers_are_refused(self, tmp_path):
        pytest.importorskip("onnxscript")
        with pytest.raises(ValueError, match="to_onnx: expected a method without random numbers"):
            to_onnx(torch_rbm.RBM(6, 4), batch(3, 6), tmp_path / "m.onnx", method="sample_hidden")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(3, 6), "m.onnx", "forward"), "suffix .pt2, got .*m.onnx"),
        ((torch.zeros(3, 6), "m.pt2", "no_method"), "a method of RBM, got 'no_method'"),
        ((torch.zeros(6), "m.pt2", "forward"), "two rows or more, got"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path):
    example, name, method = arguments
    with pytest.raises(ValueError, match=f"to_package: expected .*{message}"):
        to_package(torch_rbm.RBM(6, 4), example, tmp_path / name, method=method)
    assert list(tmp_path.iterdir()) == []
