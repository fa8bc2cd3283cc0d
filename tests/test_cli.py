"""The command line, as its users call it."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
import torch

import torch_rbm
from tests.data_files import idx
from torch_rbm.cli import main
from torch_rbm.cli.readers import read_table

DATA = np.random.default_rng(0).integers(0, 2, (60, 9)).astype(np.uint8)


class TestReaders:
    def test_every_format(self, tmp_path):
        np.save(tmp_path / "a.npy", DATA)
        np.savez(tmp_path / "a.npz", data=DATA)
        scipy.sparse.save_npz(tmp_path / "sparse.npz", scipy.sparse.csr_matrix(DATA))
        np.savetxt(tmp_path / "a.csv", DATA, fmt="%d", delimiter=",")
        header = ";".join(f"pixel {i}" for i in range(9))
        np.savetxt(tmp_path / "b.csv", DATA, fmt="%d", delimiter=";", header=header, comments="")
        pictures = DATA.reshape(60, 3, 3)
        (tmp_path / "a.idx").write_bytes(idx(pictures))
        with gzip.open(tmp_path / "t10k-images-idx3-ubyte.gz", "wb") as file:
            file.write(idx(pictures))
        torch.save(torch.from_numpy(DATA), tmp_path / "a.pt")
        files = sorted(tmp_path.iterdir())
        assert len(files) == 8
        for file in files:
            data = read_table(file).data
            dense = data.to_dense() if data.layout == torch.sparse_csr else data
            assert dense.shape == (60, 9), file
            assert (dense.numpy() == DATA).all(), file

    def test_scale(self, tmp_path):
        np.save(tmp_path / "a.npy", DATA * 255)
        assert (read_table(tmp_path / "a.npy", 255).data.numpy() == DATA).all()

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.txt", b"1 2", "expected a file .npy, .npz, .csv"),
            ("a.npy", b"no", "expected numbers of cases in"),
            ("a.npz", b"no", "expected numbers of cases in"),
            ("e.csv", b"", "it has no rows of numbers"),
            ("h.csv", b"a,b\n", "it has no rows of numbers"),
            ("a.csv", b"a,b\nc,d\n", "line 2 has 'c' in column 'a', no number"),
            ("b.csv", b"1,2\n\n3,-\n", "line 3 has '-' in column 2, no number"),
            ("n.csv", b"a,b\n1,2\n,inf\n", "line 3 has 'inf' in column 'b', no number"),
            ("l.csv", b"\n1,2\n1,x\n", "line 3 has 'x' in column 2, no number"),
            ("i.csv", b"1,2\n1e999,2\n", "line 2 has '1e999' in column 1, no number"),
            ("c.csv", b"a;b\n1;2\n3;4;5\n", "line 3 has 3 values, the lines before 2"),
            ("a.idx", b"\0\0\x05\1", "does not begin as an idx file"),
            ("a.pt", b"no", "expected numbers of cases in"),
        ],
    )
    def test_bad_files(self, tmp_path, name, content, message):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_table(tmp_path / name)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("data.npy", DATA)
    return tmp_path


def trained(*more):
    return main(["fit", "data.npy", "--out", "model.pt", "--hidden", "5", "--quiet", *more])


def test_from_data_to_features(files, capsys):
    assert trained("--epochs", "3", "--validation", "data.npy", "--log", "log.csv") == 0
    assert sorted(p.name for p in files.iterdir()) == ["data.npy", "log.csv", "model.pt"]
    rbm = torch_rbm.load("model.pt")
    assert rbm.weight.shape == (5, 9)
    capsys.readouterr()
    assert main(["evaluate", "model.pt", "data.npy", "--json"]) == 0
    result = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)  # as of NaN
    expected = torch_rbm.log_likelihood(rbm, torch.from_numpy(DATA)).value
    assert result["value"] == pytest.approx(expected)
    assert main(["features", "model.pt", "data.npy", "--out", "features.npy"]) == 0
    assert np.allclose(np.load("features.npy"), rbm(torch.from_numpy(DATA)).detach().numpy())
    assert main(["features", "model.pt", "data.npy", "--out", "features.csv"]) == 0
    assert np.array_equal(read_table("features.csv").data.float().numpy(), np.load("features.npy"))
    assert main(["sample", "model.pt", "--out", "samples.csv", "--n", "7", "--steps", "5"]) == 0
    lines = (files / "samples.csv").read_text().split()
    assert len(lines) == 7
    assert set("".join(lines)) == {"0", "1", ","}
    assert main(["evaluate", "model.pt", "samples.csv"]) == 0
    assert main(["sample", "model.pt", "--out", "samples.npy", "--n", "7", "--steps", "5"]) == 0
    assert set(np.unique(np.load("samples.npy"))) <= {0, 1}
    assert main(["sample", "model.pt", "--out", "samples.png", "--means", "--steps", "5"]) == 0
    assert (files / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert main(["export", "model.pt", "--out", "scripted.pt"]) == 0
    scripted = torch.jit.load("scripted.pt")
    data = torch.from_numpy(DATA).float()
    torch.testing.assert_close(scripted(data), rbm(data))
    arguments = ["--out", "energy.onnx", "--method", "free_energy"]
    capsys.readouterr()
    assert main(["export", "model.pt", *arguments]) == 0
    assert capsys.readouterr().err == ""  # nothing of what exporters have to say
    session = pytest.importorskip("onnxruntime").InferenceSession("energy.onnx")
    (energies,) = session.run(["free_energy"], {"data": data.numpy()})
    assert energies == pytest.approx(rbm.free_energy(data).detach().numpy(), rel=1e-5)


@pytest.mark.parametrize(
    "loss", ["cd", "pcd", "fpcd", "tempering", "trajectory", "mean-field", "exact"]
)
def test_every_loss(files, loss):
    assert trained("--epochs", "2", "--loss", loss, "--seed", "1") == 0


def test_the_same_seed_gives_the_same_model(files):
    models = []
    for _ in range(2):
        assert trained("--epochs", "2", "--seed", "3") == 0
        models.append(torch_rbm.load("model.pt"))
    assert models[0].weight.equal(models[1].weight)


def test_few_cases_get_more_updates(files, capsys):
    """As many as it takes to learn what goes with what, and evaluate says what that is worth."""
    patterns = np.random.default_rng(0).integers(0, 2, (4, 9)).astype(np.uint8)
    np.save("data.npy", patterns[np.arange(60) % 4])
    assert trained("--log", "log.csv", "--seed", "0") == 0
    assert len((files / "log.csv").read_text().splitlines()) == 1 + 5_000 // 6 + 1
    capsys.readouterr()
    assert main(["evaluate", "model.pt", "data.npy"]) == 0
    ours, independent = capsys.readouterr().out.splitlines()
    share = np.load("data.npy").mean(0)
    smoothed = (60 * share + 1) / 62
    expected = (share * np.log(smoothed) + (1 - share) * np.log(1 - smoothed)).sum()
    assert float(independent.split()[-1]) == pytest.approx(expected, abs=1e-3)
    assert float(ours.split(": ")[1].split()[0]) > -2


def test_a_named_checkpoint_is_removed_at_the_end(files):
    assert trained("--epochs", "2", "--checkpoint", "state.pt") == 0
    assert sorted(p.name for p in files.iterdir()) == ["data.npy", "model.pt"]


def test_real_numbers_on_any_scale(files, capsys):
    """They are standardised for the training; the model is one of the data as they are."""
    scale, mean = np.array([100.0, 0.01, 1.0]), np.array([5000.0, 0.0, -3.0])
    source = np.random.default_rng(0).normal(size=(300, 2)) @ [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    np.savetxt("data.csv", source * scale + mean, delimiter=",", header="a,b,c", comments="")
    common = ["--units", "gaussian", "--hidden", "4", "--seed", "0", "--quiet"]
    arguments = ["fit", "data.csv", "--validation", "data.csv", *common, "--epochs", "100"]
    assert main([*arguments, "--out", "raw.pt"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "raw.pt", "data.csv"]) == 0
    ours, independent = (
        float(line.partition(" of a case: ")[2].split()[0] if ":" in line else line.split()[-1])
        for line in capsys.readouterr().out.splitlines()[:2]
    )
    assert ours > independent - 0.1
    # The third column follows from the first two, so that no Gaussian has a highest density.
    assert main(["evaluate", "raw.pt", "data.csv", "--json"]) == 0
    assert "gaussian" not in json.loads(capsys.readouterr().out)
    expected = -0.5 * np.log(2 * np.pi * np.e * (source * scale).var(0)).sum()
    assert independent == pytest.approx(expected, abs=0.05)
    assert main(["score", "raw.pt", "data.csv", "--out", "scores.csv"]) == 0
    rbm = torch_rbm.load("raw.pt")
    energies = rbm.free_energy(read_table("data.csv").data.double()).detach().numpy()
    assert np.loadtxt("scores.csv", skiprows=1) == pytest.approx(energies, rel=1e-12)


def test_a_gaussian_is_the_other_baseline_of_real_numbers(files, capsys):
    numbers = np.random.default_rng(0).normal(size=(50, 3)) @ np.array(
        [[2, 1, 0], [0, 1, 1], [0, 0, 9.0]]
    )
    np.save("numbers.npy", numbers)
    options = ["--out", "g.pt", "--units", "gaussian", "--epochs", "1", "--quiet"]
    assert main(["fit", "numbers.npy", *options]) == 0
    capsys.readouterr()
    assert main(["evaluate", "g.pt", "numbers.npy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["gaussian"]
    covariance = np.cov(numbers.T, bias=True)
    expected = scipy.stats.multivariate_normal(numbers.mean(0), covariance).logpdf(numbers).mean()
    assert found == pytest.approx(expected, rel=1e-5)
    assert main(["evaluate", "g.pt", "numbers.npy"]) == 0
    assert "a Gaussian with all covariances that fits" in capsys.readouterr().out


def test_a_model_that_is_worse_than_independent_units_says_so(files, capsys):
    rbm = torch_rbm.RBM(9, 3)
    torch.nn.init.constant_(rbm.visible_bias, 9.0)
    torch_rbm.save(rbm, "bad.pt")
    assert main(["evaluate", "bad.pt", "data.npy"]) == 0
    assert "the model is worse: more --epochs" in capsys.readouterr().out


def test_small_models_are_trained_by_one_thread(files, monkeypatch):
    """Threads would wait for each other; who asks for two has two."""
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    assert trained("--epochs", "1") == 0
    assert trained("--epochs", "1", "--threads", "2") == 0
    assert trained("--epochs", "1", "--chains", "100000") == 0
    assert asked == [1, 2]


def test_other_units(files):
    np.save("numbers.npy", np.random.default_rng(1).normal(size=(50, 4)))
    code = main(["fit", "numbers.npy", "--out", "g.pt", "--units", "gaussian", "--quiet"])
    assert code == 0
    assert torch_rbm.load("g.pt").visible_units == "gaussian"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "none.npy", "--out", "m.pt"], "expected a file none.npy, found none"),
        (["fit", "data.npy", "--out", "no/m.pt"], "expected a folder .*no for m.pt, found none"),
        (["fit", "data.npy", "--out", "m.pt", "--units", "binary"], "to be one of"),
        (["fit", "grey.npy", "--out", "m.pt"], "use --scale 255"),
        (["evaluate", "data.npy", "data.npy"], "data.npy to be a model of torch_rbm, got"),
        (["evaluate", "scripted.pt", "data.npy"], "got a TorchScript file"),
        (["evaluate", "rbm.pt", "half.npy"], "with --binarize they are probabilities"),
        (
            ["fit", "data.npy", "--out", "m.pt", "--validation", "half.npy"],
            "half.npy: .*--binarize",
        ),
        (["fit", "data.npy", "--out", "m.pt", "--log", "no/log.csv"], "a folder .*no for log.csv"),
        (["features", "rbm.pt", "grey.npy", "--out", "f.npy"], "use --scale 255"),
        (["evaluate", "m.pt", "data.npy"], "expected a file m.pt, found none"),
        (
            ["fit", "data.npy", "--out", "m.pt", "--patience", "3"],
            "expected a file as --validation",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(files, capsys, arguments, message):
    np.save("grey.npy", DATA * 255)
    np.save("half.npy", DATA * 0.5)
    torch_rbm.save(torch_rbm.RBM(9, 4), "rbm.pt")
    torch.jit.script(torch_rbm.RBM(9, 4)).save("scripted.pt")
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert "Traceback" not in error
    with pytest.raises(ValueError, match=message):
        raise ValueError(error)


def test_usage_errors_are_exit_code_2(capsys):
    fit = ["fit", "a.npy", "--out", "b"]
    for arguments in (
        [],
        ["train"],
        ["fit"],
        [*fit, "--loss", "x"],
        [*fit, "--threads", "0"],
        [*fit, "--scale", "0"],
        [*fit, "--rate", "-1"],
        [*fit, "--weight-decay", "-1"],
        ["sample", "a.pt", "--out", "a.npy", "--n", "0"],
        ["sample", "a.pt", "--out", "a.jpg"],
        ["features", "a.pt", "a.npy", "--out", "a.txt"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2


def test_misspelt_options_are_named_with_what_they_may_mean(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["fit", "a.npy", "--out", "b.pt", "--hiden", "10"])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said == (
        "torch-rbm fit: unrecognized arguments: --hiden (is --hidden meant?) 10; "
        "torch-rbm fit --help says more\n"
    )


def test_warnings_are_one_line(files, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert trained("--rate", "1000") == 0
    assert capsys.readouterr().err.startswith("torch-rbm fit: warning: the chains are ")


def test_help_of_every_command(capsys):
    for command in ([], ["fit"], ["evaluate"], ["sample"], ["features"], ["export"], ["demo"]):
        with pytest.raises(SystemExit) as caught:
            main([*command, "--help"])
        assert caught.value.code == 0
        said = capsys.readouterr().out
        assert "usage: torch-rbm" in said
        assert "None" not in said
        assert command != ["fit"] or "(default: pcd)" in said


def test_demo(files, capsys):
    assert main(["demo", "--seed", "0"]) == 0
    out = capsys.readouterr().out
    for name in ("digits.pt", "model.pt", "samples.png", "log.csv"):
        assert name in out
        assert (files / "torch_rbm_demo" / name).exists()


def test_ctrl_c_leaves_a_checkpoint_from_which_the_same_command_goes_on(files):
    command = [
        *(sys.executable, "-m", "torch_rbm", "fit", "data.npy", "--out", "model.pt"),
        *("--epochs", "4000", "--hidden", "5", "--seed", "1", "--threads", "1", "--quiet"),
        *("--batch-size", "100", "--log", "log.csv"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not os.path.exists("log.csv"):  # written after the first epoch
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; the same command goes on from model.pt.checkpoint" in error
    assert os.path.exists("model.pt.checkpoint")
    half = torch_rbm.load("model.pt.checkpoint")
    assert half.weight.shape == (5, 9)
    assert subprocess.run(command, check=False).returncode == 0
    resumed = torch_rbm.load("model.pt")
    assert not os.path.exists("model.pt.checkpoint")
    assert subprocess.run(command, check=False).returncode == 0
    assert torch_rbm.load("model.pt").weight.equal(resumed.weight)


class TestPersistence:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: torch_rbm.RBM(4, 3, dtype=torch.float64),
            lambda: torch_rbm.RBM(
                6, 3, visible_units=[("x", "gaussian", 4), ("y", "spin", 2)], learn_precision=True
            ),
            lambda: torch_rbm.ClassificationRBM(4, 3, 5, data_units="gaussian"),
        ],
        ids=["plain", "groups", "classifier"],
    )
    def test_what_is_saved_is_loaded(self, tmp_path, make):
        rbm = make()
        torch_rbm.save(rbm, tmp_path / "m.pt")
        loaded = torch_rbm.load(tmp_path / "m.pt")
        assert type(loaded) is type(rbm)
        assert repr(loaded) == repr(rbm)
        assert loaded.description() == rbm.description()
        for a, b in zip(loaded.parameters(), rbm.parameters(), strict=True):
            assert a.equal(b)

    def test_a_failed_save_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "m.pt"
        rbm = torch_rbm.RBM(4, 3)
        torch_rbm.save(rbm, path)
        before = path.read_bytes()

        def full(*arguments):
            raise OSError("no space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            torch_rbm.save(torch_rbm.RBM(4, 3), path)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["m.pt"]

    def test_what_is_none(self, tmp_path):
        with pytest.raises(TypeError, match=r"save: expected a torch_rbm.RBM"):
            torch_rbm.save(torch.nn.Linear(2, 2), tmp_path / "m.pt")
        with pytest.raises(FileNotFoundError, match="load: expected a file"):
            torch_rbm.load(tmp_path / "m.pt")
