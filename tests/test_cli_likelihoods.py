"""Log-likelihoods on the command line: of each case, and of models to compare with."""

import json

import numpy as np
import pytest
import scipy.stats
import torch

import torch_rbm
from tests.test_cli_tables import written
from torch_rbm.cli import main

FIT = ["--hidden", "4", "--epochs", "2", "--seed", "0", "--quiet", "--out", "m.pt"]


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("data.npy", np.random.default_rng(0).integers(0, 2, (20, 6)))
    assert main(["fit", "data.npy", *FIT]) == 0
    capsys.readouterr()


def evaluated(capsys, *arguments):
    capsys.readouterr()
    assert main(["evaluate", *arguments, "--json", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)


class TestCases:
    """`score --log-likelihood` says of each case what `evaluate` says of their mean."""

    @pytest.mark.parametrize("method", ["auto", "exact"])
    def test_exact(self, folder, capsys, method):
        command = ["score", "m.pt", "data.npy", "--log-likelihood", "--method", method]
        assert main([*command, "--out", "scores.npy"]) == 0
        assert "20 log-likelihoods in scores.npy: log Z is " in capsys.readouterr().out
        rbm = torch_rbm.load("m.pt")
        states = torch.tensor([[i >> unit & 1 for unit in range(6)] for i in range(64)]).float()
        log_z = torch.logsumexp(-rbm.free_energy(states), 0)
        expected = -rbm.free_energy(torch.as_tensor(np.load("data.npy")).float()) - log_z
        assert np.load("scores.npy")[:, 0] == pytest.approx(expected.detach().numpy(), abs=1e-5)

    def test_sampled(self, folder, capsys):
        command = ["score", "m.pt", "data.npy", "--log-likelihood", "--method", "ais", "--quiet"]
        assert main([*command, "--out", "scores.npy"]) == 0
        said = capsys.readouterr().out
        assert "(ais, ESS" in said
        exact = evaluated(capsys, "m.pt", "data.npy")["value"]
        assert np.load("scores.npy").mean() == pytest.approx(exact, abs=0.01)

    def test_their_column_is_called_so(self, folder, capsys):
        written("table.csv", np.load("data.npy").tolist(), list("abcdef"))
        assert main(["fit", "table.csv", *FIT]) == 0
        command = ["score", "m.pt", "table.csv", "--out", "scores.csv"]
        assert main([*command, "--log-likelihood"]) == 0
        with open("scores.csv") as file:
            assert file.readline() == "log-likelihood\n"

    def test_means_have_free_energies_alone(self, folder, capsys):
        np.save("grey.npy", np.full((4, 6), 0.5))
        command = ["score", "m.pt", "grey.npy", "--out", "scores.npy"]
        assert main(command) == 0
        said = capsys.readouterr()
        assert "taken as means of 0 and 1: --binarize draws states from them once" in said.err
        assert "4 free energies in scores.npy" in said.out
        assert len(np.unique(np.load("scores.npy"))) == 1
        assert main([*command, "--log-likelihood"]) == 1
        assert "with --binarize they are probabilities" in capsys.readouterr().err
        assert main([*command, "--log-likelihood", "--binarize"]) == 0
        assert capsys.readouterr().err == ""
        assert len(np.unique(np.load("scores.npy"))) > 1
        assert np.load("scores.npy").mean() == pytest.approx(
            evaluated(capsys, "m.pt", "grey.npy", "--binarize")["value"], abs=1e-5
        )


class TestGaussian:
    """The Gaussian that `evaluate` compares with, its means linear in the discrete columns."""

    def test_of_columns_of_several_kinds(self, folder, capsys):
        rng = np.random.default_rng(1)
        flags, kinds = rng.integers(0, 2, (200, 1)), np.eye(3)[rng.integers(0, 3, 200)]
        states = np.hstack([flags, kinds])
        real = states @ rng.normal(size=(4, 2)) * 30 + rng.normal(size=(200, 2)) @ [[1, 1], [0, 2]]
        np.save("mixed.npy", np.hstack([real[:, :1], states, real[:, 1:]]))
        units = "gaussian:1, bernoulli:1, categorical(3):3, gaussian:1"
        assert main(["fit", "mixed.npy", "--units", units, *FIT]) == 0
        result = evaluated(capsys, "m.pt", "mixed.npy")

        design = np.hstack([np.ones((200, 1)), flags, kinds[:, 1:]])
        rest = real - design @ np.linalg.lstsq(design, real, rcond=None)[0]
        density = scipy.stats.multivariate_normal(np.zeros(2), np.cov(rest.T, bias=True))
        entropy = scipy.stats.entropy(np.bincount(flags[:, 0])) + scipy.stats.entropy(kinds.sum(0))
        expected = density.logpdf(rest).mean() - entropy
        assert result["gaussian"] == pytest.approx(expected, rel=1e-6)
        assert result["gaussian"] > result["independent"] + 1
        assert main(["evaluate", "m.pt", "mixed.npy"]) == 0
        assert "a Gaussian with means linear in the discrete columns" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("units", "columns"),
        [
            ("gaussian:2, bernoulli:1", lambda x, b: [x, 3 * b - 1, b]),  # follows from the state
            ("gaussian:2, bernoulli:1", lambda x, b: [x, 0 * x + 7, b]),  # constant
            ("gaussian:2, bernoulli:1", lambda x, b: [x, 2 * x + b, b]),  # follows from both
            ("gaussian:1, relu:1, bernoulli:1", lambda x, b: [x, x**2, b]),
        ],
    )
    def test_where_there_is_none(self, folder, capsys, units, columns):
        rng = np.random.default_rng(2)
        table = np.stack(columns(rng.normal(size=60), rng.integers(0, 2, 60)), 1)
        np.save("table.npy", table.astype(np.float64))
        assert main(["fit", "table.npy", "--units", units, *FIT]) == 0
        assert "gaussian" not in evaluated(capsys, "m.pt", "table.npy")
