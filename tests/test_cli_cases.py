"""The command line with cases that have names, miss values or have values they cannot have."""

import csv

import numpy as np
import pytest
import torch

import torch_rbm
from tests.test_cli_tables import written
from torch_rbm.cli import main

FIT = ["--hidden", "4", "--epochs", "2", "--seed", "0", "--quiet", "--out", "m.pt"]
WORDS = ['no. 1, "the first"', "2", "# three", "4 äö", "five\nlines"]


def read(name):
    with open(name, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Five cases of three columns, the fourth with a hole, and their names in a fourth column."""
    monkeypatch.chdir(tmp_path)
    cells = np.random.default_rng(0).integers(0, 2, (5, 3)).astype(str)
    rows = [[a, word, b, c] for (a, b, c), word in zip(cells, WORDS, strict=True)]
    written("whole.csv", rows, ["a", "case", "b", "c"])
    rows[3][2] = "NA"
    written("holes.csv", rows, ["a", "case", "b", "c"])
    assert main(["fit", "whole.csv", "--drop", "case", *FIT]) == 0
    return rows


class TestNames:
    """`--id COLUMN` copies what names the cases to tables of results."""

    @pytest.mark.parametrize("command", ["features", "score", "impute"])
    def test_they_come_first(self, table, command):
        assert main([command, "m.pt", "whole.csv", "--out", "plain.csv"]) == 0
        assert main([command, "m.pt", "whole.csv", "--id", "case", "--out", "out.csv"]) == 0
        names, rest = zip(*((row[0], row[1:]) for row in read("out.csv")), strict=True)
        assert list(names) == ["case", *WORDS]
        assert list(rest) == read("plain.csv")

    def test_a_table_without_names_of_columns(self, table):
        names = ["007", "1.50", "1e3"]
        written(
            "bare.csv",
            [[a, name, b, c] for (a, _, b, c), name in zip(table, names, strict=False)],
            None,
        )
        assert main(["fit", "bare.csv", "--drop", "2", *FIT]) == 0
        assert main(["score", "m.pt", "bare.csv", "--id", "2", "--out", "out.csv"]) == 0
        assert [row[0] for row in read("out.csv")] == names

    def test_a_column_of_the_model_may_name_them(self, table):
        assert main(["impute", "m.pt", "whole.csv", "--id", "b", "--out", "out.csv"]) == 0
        assert read("out.csv")[0] == ["b", "a", "b", "c"]
        assert all(row[0] == row[2] for row in read("out.csv"))

    @pytest.mark.parametrize(
        ("data", "column", "out", "message"),
        [
            ("whole.csv", "name", "out.csv", "no column 'name'; its columns are a, case, b, c"),
            (
                "whole.csv",
                "case",
                "out.npy",
                "expected a .csv as --out where there is an --id, got out",
            ),
            ("bare.npy", "case", "out.csv", "a .csv, which has a column 'case', got bare.npy"),
            ("notes.csv", "b", "out.csv", "it has 1 cases, and other lines between them"),
        ],
    )
    def test_what_has_none(self, table, capsys, data, column, out, message):
        np.save("bare.npy", np.eye(3))
        written("notes.csv", [["# a note", "", ""], [1, 1, 1]], ["a", "b", "c"])
        assert main(["score", "m.pt", data, "--id", column, "--out", out]) == 1
        assert message in capsys.readouterr().err


class TestCompleteCases:
    """`--complete-cases` leaves out those that miss a value."""

    def test_the_model_is_that_of_the_rest(self, table, capsys):
        assert main(["fit", "holes.csv", "--complete-cases", "--drop", "case", *FIT]) == 0
        said = capsys.readouterr().err
        assert said == "1 of 5 cases in holes.csv miss values and are left out\n"
        weight = torch_rbm.load("m.pt").weight
        written("rest.csv", table[:3] + table[4:], ["a", "case", "b", "c"])
        assert main(["fit", "rest.csv", "--complete-cases", "--drop", "case", *FIT]) == 0
        assert capsys.readouterr().err == ""
        assert torch_rbm.load("m.pt").weight.equal(weight)

    def test_names_go_with_them(self, table):
        command = ["score", "m.pt", "holes.csv", "--complete-cases", "--id", "case"]
        assert main([*command, "--out", "out.csv"]) == 0
        assert [row[0] for row in read("out.csv")] == ["case", *WORDS[:3], WORDS[4]]

    def test_others_are_judged(self, table, capsys):
        assert main(["evaluate", "m.pt", "holes.csv"]) == 1
        assert "got one in column 'b' of case 4" in capsys.readouterr().err
        assert main(["evaluate", "m.pt", "holes.csv", "--complete-cases"]) == 0

    def test_others_keep_their_numbers(self, table, capsys):
        table[4][2] = 2
        written("holes.csv", table, ["a", "case", "b", "c"])
        assert main(["evaluate", "m.pt", "holes.csv", "--complete-cases"]) == 1
        assert "got 2 in column 'b' of case 5" in capsys.readouterr().err

    def test_validation_does_without_the_others(self, table, capsys):
        """A model may learn from all that is known, and be judged by the cases that are whole."""
        command = ["fit", "holes.csv", "--drop", "case", "--log", "log.csv", *FIT]
        written("rest.csv", table[:3] + table[4:], ["a", "case", "b", "c"])
        logs = []
        for validation in ("holes.csv", "rest.csv"):
            assert main([*command, "--validation", validation]) == 0
            names, *epochs = read("log.csv")
            logs.append([epoch[names.index("log_likelihood")] for epoch in epochs])
        assert logs[0] == logs[1]
        said = capsys.readouterr().err
        assert said == "1 of 5 cases in holes.csv miss values and are left out\n"

    def test_there_are_none(self, table, capsys):
        written("holes.csv", [["NA", 1], [1, ""]], None)
        assert main(["fit", "holes.csv", "--complete-cases", *FIT]) == 1
        said = capsys.readouterr().err
        assert said == "torch-rbm fit: holes.csv: expected cases without missing values, got none\n"


class TestValues:
    @pytest.mark.parametrize(
        ("command", "message"),
        [
            (
                ["fit", "wrong.csv", "--units", "bernoulli", *FIT],
                "wrong.csv: expected values in [0, 1], binary states or probabilities, got 2.5 in "
                "column 'b' of case 2",
            ),
            (
                ["evaluate", "m.pt", "grey.csv"],
                "grey.csv: expected values to be 0 or 1, got 0.25 in column 'c' of case 1; with "
                "--binarize they are probabilities of 0 and 1\n",
            ),
            (
                ["fit", "bare.npy", *FIT],
                "bare.npy: expected values in [0, 1], binary states or probabilities, got -1 in "
                "column 3 of case 4",
            ),
            (
                ["fit", "sparse.npz", *FIT],
                "got 255 in column 2 of case 3; for pixels from 0 to 255 use --scale 255\n",
            ),
        ],
    )
    def test_wrong_ones_are_found_by_column_and_case(self, table, capsys, command, message):
        written("wrong.csv", [["", 1, 1], [0, 2.5, 3]], ["a", "b", "c"])
        written("grey.csv", [[0, 1, 0.25], [0.5, 1, 1]], ["a", "b", "c"])
        bare = np.zeros((5, 3), dtype=np.float32)
        bare[3, 2] = -1
        np.save("bare.npy", bare)
        sparse = pytest.importorskip("scipy.sparse")
        pixels = sparse.csr_matrix(np.float32([[1, 0, 0], [0, 1, 0], [0, 255, 0]]))
        sparse.save_npz("sparse.npz", pixels)
        assert main(command) == 1
        said = capsys.readouterr().err
        assert message in said
        assert len(said.splitlines()) == 1

    def test_means_are_taken_as_they_are_and_it_is_said(self, table, capsys):
        written("grey.csv", [[0, 1, 0.25], [1, 0.5, 1]], ["a", "b", "c"])
        assert main(["fit", "grey.csv", *FIT]) == 0
        said = capsys.readouterr().err
        assert said.startswith("column 'b' has values between 0 and 1, taken as means of 0 and 1: ")
        assert main(["fit", "grey.csv", "--binarize", *FIT]) == 0
        assert main(["fit", "grey.csv", "--units", "gaussian", *FIT]) == 0
        assert capsys.readouterr().err == ""


def test_likelihoods_are_of_the_data_as_they_are(table, capsys):
    """As those of `evaluate`: columns are standardised for the training alone."""
    rows = np.random.default_rng(0).normal(7000, 50, (60, 3))
    written("real.csv", rows.tolist(), None)
    options = ["--units", "gaussian", "--validation", "real.csv", "--log", "log.csv"]
    assert main(["fit", "real.csv", *options, *FIT]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    assert said.startswith("log-likelihood of a validation case in epoch 2, the last, ")
    names, *epochs = read("log.csv")
    logged = [float(row[names.index("log_likelihood")]) for row in epochs]
    assert said.endswith(f" {logged[-1]:.4f}")
    expected = torch.distributions.Normal(7000, 50).entropy().item()
    assert logged == pytest.approx([-3 * expected] * 2, abs=0.3)
    assert main(["fit", "real.csv", *options, "--patience", "1", *FIT]) == 0
    assert ", the best: " in capsys.readouterr().out
