"""The command line with tables as people have them: names of columns, and cells that are empty."""

import csv
import json

import numpy as np
import pytest
import torch

import torch_rbm
from torch_rbm.cli import main
from torch_rbm.cli.readers import read_table

NAN = np.nan
FIT = ["--hidden", "4", "--seed", "0", "--quiet"]
SHORT = ["--epochs", "2"]


def written(name, rows, columns=("a", "b", "c, d")):
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows([columns, *rows] if columns else rows)


def read(name):
    with open(name, newline="") as file:
        names, *rows = csv.reader(file)
    return names, np.array(rows, dtype=float)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A table of two columns that are equal and one that is not, and it without some cells."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    same, other = rng.integers(0, 2, (2, 300))
    whole = np.stack([same, same, other], 1)
    cells = whole.astype(str)
    cells.flat[::7] = ""
    cells.flat[::14] = "NA"
    written("whole.csv", whole)
    written("holes.csv", cells)
    return tmp_path


class TestReading:
    def test_missing_values(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("x,y\n1,\n, NaN\nn/a,0.5\nnull,None\n")
        expected = [[1, NAN], [NAN, NAN], [NAN, 0.5], [NAN, NAN]]
        assert np.array_equal(read_table(path).data.numpy(), expected, equal_nan=True)
        path.write_text("1,,2\n3,4,\n")
        assert read_table(path).names is None
        assert np.array_equal(
            read_table(path).data.numpy(), [[1, NAN, 2], [3, 4, NAN]], equal_nan=True
        )

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("1,2\n", None),
            ("a, b\n1,2\n", ["a", "b"]),
            ('"a, b";"c"\n1;2\n', ["a, b", "c"]),
            ("\ufeffa,b\n1,2\n", ["a", "b"]),
            ("\ufeff1,2\n", None),
            (",b\n1,2\n", ["", "b"]),
            ("\n\na,b\n\n1,2\n", ["a", "b"]),
        ],
    )
    def test_names(self, tmp_path, text, names):
        path = tmp_path / "a.csv"
        path.write_text(text, encoding="utf-8")
        assert read_table(path).names == names
        assert read_table(path).data.tolist() == [[1, 2]]

    def test_other_files_have_no_names(self, tmp_path):
        np.save(tmp_path / "a.npy", np.eye(2))
        assert read_table(tmp_path / "a.npy").names is None


def test_from_missing_values_to_a_whole_table(folder, capsys):
    assert main(["fit", "holes.csv", "--out", "m.pt", *FIT, "--epochs", "100"]) == 0
    assert main(["impute", "m.pt", "holes.csv", "--out", "means.csv"]) == 0
    assert "129 of 900 values were missing" in capsys.readouterr().out
    names, means = read("means.csv")
    assert names == ["a", "b", "c, d"]
    whole, holes = read("whole.csv")[1], read_table("holes.csv").data.numpy()
    missing = np.isnan(holes)
    assert (means[~missing] == whole[~missing]).all()
    told = missing[:, 0] & ~missing[:, 1]
    assert ((means[told, 0] > 0.5) == whole[told, 0]).all()  # by the column that is the same
    assert (np.abs(means[missing[:, 2], 2] - 0.5) < 0.3).all()  # which nothing tells
    assert main(["impute", "m.pt", "holes.csv", "--out", "states.npy", "--samples"]) == 0
    assert set(np.unique(np.load("states.npy"))) == {0, 1}
    assert main(["evaluate", "m.pt", "means.csv", "--binarize"]) == 0


def test_missing_real_numbers(folder):
    """Standardised for the training by what is there; filled in on the scale of the data."""
    common = np.random.default_rng(1).normal(size=400)
    noise = 0.1 * np.random.default_rng(2).normal(size=(400, 2))
    whole = np.stack([1000 + 50 * common, 0.01 * common], 1) + noise * [50, 0.01]
    holes = whole.copy()
    holes[::5, 0] = NAN
    np.save("holes.npy", holes)
    options = ["--units", "gaussian", "--hidden", "6", "--seed", "0", "--quiet"]
    options += ["--epochs", "100", "--rate", "0.1"]
    assert main(["fit", "holes.npy", "--out", "m.pt", *options]) == 0
    assert main(["impute", "m.pt", "holes.npy", "--out", "filled.npy"]) == 0
    error = np.load("filled.npy")[::5, 0] - whole[::5, 0]
    assert np.sqrt((error**2).mean()) < 0.6 * whole[::5, 0].std()


def test_a_column_that_numbers_the_cases_is_named(folder, capsys):
    rng = np.random.default_rng(0)
    written("counted.csv", np.stack([np.arange(20), rng.normal(size=20)], 1), ("id", "x"))
    options = ["--units", "gaussian", "--epochs", "1", "--quiet", "--out", "m.pt"]
    assert main(["fit", "counted.csv", *options]) == 0
    assert "column 'id' numbers the cases" in capsys.readouterr().err


def test_commands_that_want_whole_tables_say_what_fills_them(folder, capsys):
    assert main(["fit", "whole.csv", "--out", "m.pt", *FIT, "--epochs", "1"]) == 0
    for command in (
        ["evaluate", "m.pt", "holes.csv"],
        ["features", "m.pt", "holes.csv", "--out", "f.csv"],
        ["score", "m.pt", "holes.csv", "--out", "f.csv"],
    ):
        capsys.readouterr()
        assert main(command) == 1
        error = capsys.readouterr().err
        assert (
            "holes.csv: expected data without missing values, got one in column 'a' of case 1"
            in error
        )


class TestNames:
    @pytest.fixture(autouse=True)
    def model(self, folder):
        assert main(["fit", "whole.csv", "--out", "m.pt", *FIT, "--epochs", "1"]) == 0

    def test_samples_have_those_of_the_data(self):
        assert main(["sample", "m.pt", "--out", "s.csv", "--n", "3", "--steps", "2"]) == 0
        names, rows = read("s.csv")
        assert names == ["a", "b", "c, d"]
        assert rows.shape == (3, 3)
        assert main(["evaluate", "m.pt", "s.csv"]) == 0

    @pytest.mark.parametrize(
        "columns", [("b", "a", "c, d"), ("c, d", "x", "b", "a"), ("a", "x", "x", "b", "c, d")]
    )
    def test_they_are_found_in_any_order_among_others(self, columns):
        numbers = dict(zip(("a", "b", "c, d"), read("whole.csv")[1].T.astype(int), strict=True))
        rows = [numbers.get(name, np.full(300, 7)) for name in columns]
        written("other.csv", np.stack(rows, 1), columns)
        for table in ("whole.csv", "other.csv"):
            assert main(["score", "m.pt", table, "--out", f"of_{table}"]) == 0
        assert np.array_equal(read("of_whole.csv")[1], read("of_other.csv")[1])

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            (("a", "b", "x"), "no column c, d, which the model has; its columns are a, b, x"),
            (("a", "b"), "no column c, d, which the model has; its columns are a, b"),
            (("x", "y"), "no column a, b, c, d, which the model has; its columns are x, y"),
            (("a", "b", "b", "c, d"), "more than one column b"),
        ],
    )
    def test_what_is_not_there(self, capsys, columns, message):
        # Of words, too: what is missing comes first.
        written("other.csv", np.full((2, len(columns)), "word"), columns)
        assert main(["evaluate", "m.pt", "other.csv"]) == 1
        assert capsys.readouterr().err.endswith(f"evaluate: other.csv: there is {message}\n")

    def test_a_validation_without_them(self, capsys):
        written("other.csv", np.zeros((2, 3), dtype=int), ("b", "a", "x"))
        assert main(["fit", "whole.csv", "--validation", "other.csv", "--out", "n.pt"]) == 1
        assert "fit: other.csv: there is no column c, d, which" in capsys.readouterr().err

    def test_not_all_names_of_many_are_listed(self, capsys):
        written("many.csv", np.zeros((20, 30), dtype=int), [f"q{i}" for i in range(30)])
        assert main(["fit", "many.csv", "--out", "n.pt", *FIT, *SHORT]) == 0
        assert main(["evaluate", "n.pt", "whole.csv"]) == 1
        assert "no column q0, q1, q2, q3, q4, q5, ..., q29, which" in capsys.readouterr().err

    def test_a_table_without_names_is_taken_as_it_is(self):
        written("bare.csv", np.zeros((2, 3), dtype=int), None)
        assert main(["score", "m.pt", "bare.csv", "--out", "s.csv"]) == 0

    def test_the_model_is_any_other(self):
        assert torch_rbm.load("m.pt").weight.shape == (4, 3)
        assert torch.load("m.pt", weights_only=True)["columns"] == ["a", "b", "c, d"]


def test_what_is_known_stays_as_it_is(folder):
    """All digits of it: float32 has seven, and a model of 0 and 1 is float32."""
    rng = np.random.default_rng(0)
    names = ("a", "b")
    rows = np.stack([123456790 + rng.permutation(60), rng.normal(58, 5, 60).round(1)], 1)
    written(
        "long.csv",
        [[f"{a:.0f}", ""] if i % 7 == 0 else [a, b] for i, (a, b) in enumerate(rows)],
        names,
    )
    assert main(["fit", "long.csv", "--units", "gaussian", "--out", "m.pt", *FIT, *SHORT]) == 0
    assert main(["impute", "m.pt", "long.csv", "--out", "filled.csv"]) == 0
    _, filled = read("filled.csv")
    known = np.arange(60) % 7 != 0
    assert np.array_equal(filled[:, 0], rows[:, 0])
    assert np.array_equal(filled[known, 1], rows[known, 1])
    assert not np.isnan(filled).any()

    grey = rng.random((60, 2))
    written("grey.csv", [[a, "" if i % 7 == 0 else b] for i, (a, b) in enumerate(grey)], names)
    assert main(["fit", "grey.csv", "--out", "m.pt", *FIT, *SHORT]) == 0
    assert main(["impute", "m.pt", "grey.csv", "--out", "filled.csv"]) == 0
    _, filled = read("filled.csv")
    assert np.array_equal(filled[known], grey[known])


@pytest.mark.parametrize(("mean", "deviation"), [(1e5, 5.0), (1e7, 10.0), (1.7e9, 1000.0)])
def test_baselines_where_means_are_large(folder, capsys, mean, deviation):
    """Of columns that have nothing to do with each other all three are about the same."""
    rng = np.random.default_rng(0)
    rows = np.stack([rng.normal(mean, deviation, 500), rng.normal(size=500)], 1)
    written("far.csv", rows, ("far", "near"))
    assert main(["fit", "far.csv", "--units", "gaussian", "--out", "m.pt", *FIT, *SHORT]) == 0
    capsys.readouterr()
    assert main(["evaluate", "m.pt", "far.csv", "--json", "--quiet"]) == 0
    result = json.loads(capsys.readouterr().out)
    expected = -np.log(2 * np.pi) - 1 - np.log(rows.std(0)).sum()
    assert result["independent"] == pytest.approx(expected, abs=1e-3)
    assert result["gaussian"] == pytest.approx(expected, abs=0.01)
    assert result["value"] == pytest.approx(expected, abs=0.1)


def test_tables_of_named_columns_give_named_columns(folder):
    assert main(["fit", "whole.csv", "--out", "m.pt", *FIT, *SHORT]) == 0
    for command, names in [
        ("features", ["hidden 1", "hidden 2", "hidden 3", "hidden 4"]),
        ("score", ["free energy"]),
    ]:
        assert main([command, "m.pt", "whole.csv", "--out", "out.csv"]) == 0
        header, rows = read("out.csv")
        assert header == names
        assert rows.shape == (300, len(names))


@pytest.mark.parametrize(("columns", "warned"), [((0, 1), True), ((1, 2), False)])
def test_numbers_of_some_of_the_cases_are_a_numbering(folder, capsys, columns, warned):
    rng = np.random.default_rng(0)
    table = np.stack([rng.permutation(120)[:90], rng.integers(0, 300, 90), rng.normal(size=90)], 1)
    written("some.csv", table[:, columns], ("x", "y"))
    options = ["--units", "gaussian", "--epochs", "1", "--out", "m.pt", *FIT]
    assert main(["fit", "some.csv", *options]) == 0
    assert ("column 'x' numbers the cases" in capsys.readouterr().err) == warned


class TestColumnsLeftOut:
    """A table as it comes: numbers of cases, words and dates are in it, too."""

    NAMES = ("case", "a", "name, place", "b", "c", "when")

    @pytest.fixture
    def tables(self, folder):
        numbers = read("whole.csv")[1].astype(int)
        words = [f"no. {i}, {'x' * (i % 3)} #{i}" for i in range(300)]
        rows = [
            [1000 + i, a, word, b, c, "2024-01-01"]
            for i, ((a, b, c), word) in enumerate(zip(numbers, words, strict=True))
        ]
        written("whole.csv", numbers, ("a", "b", "c"))
        written("mixed.csv", rows, self.NAMES)
        written("bare.csv", [[0, *row] for row in numbers], None)
        return folder

    DROP = ("--drop", "case", "--drop", "name, place", "--drop", "when")

    def test_the_model_is_that_of_the_rest(self, tables):
        validation = ["--validation", "mixed.csv", "--epochs", "2"]
        assert main(["fit", "mixed.csv", *self.DROP, "--out", "m.pt", *validation, *FIT]) == 0
        validation[1] = "whole.csv"
        assert main(["fit", "whole.csv", "--out", "n.pt", *validation, *FIT]) == 0
        mine, whole = torch_rbm.load("m.pt"), torch_rbm.load("n.pt")
        assert mine.weight.equal(whole.weight)
        assert main(["score", "m.pt", "mixed.csv", "--out", "s.csv"]) == 0
        assert main(["score", "m.pt", "whole.csv", "--out", "t.csv"]) == 0
        assert np.array_equal(read("s.csv")[1], read("t.csv")[1])
        assert main(["impute", "m.pt", "mixed.csv", *self.DROP, "--out", "filled.csv"]) == 0
        assert read("filled.csv")[0] == ["a", "b", "c"]

    def test_columns_without_names_have_numbers(self, tables):
        first_and_last = read("whole.csv")[1][:, ::2]
        np.save("bare.npy", read_table("bare.csv").data)
        for name in ("bare.csv", "bare.npy"):
            assert np.array_equal(read_table(name, drop=["1", "3"]).data, first_and_last)

    def test_they_are_left_out_of_a_validation_without_names(self, tables):
        options = ["--validation", "bare.csv", "--drop", "1", "--out", "m.pt"]
        assert main(["fit", "bare.csv", *options, *FIT, *SHORT]) == 0
        assert torch_rbm.load("m.pt").weight.shape == (4, 3)

    @pytest.mark.parametrize(
        ("name", "drop", "message"),
        [
            (
                "mixed.csv",
                ["id"],
                "no column 'id'; its columns are case, a, name",
            ),
            ("mixed.csv", ["whan"], r"no column 'whan' \(is when meant\?\); its columns are"),
            ("bare.csv", ["5"], "no column '5'; its columns are 1, 2, 3, 4"),
            ("bare.csv", list("1234"), "no column is left"),
            ("a.npy", ["0"], "no column '0'; its columns are 1, 2"),
            ("a.npz", ["1"], "columns of sparse matrices cannot be left out"),
            ("mixed.csv", ["case"], "'no. 0,  #0' in column 'name, place', no number.*--drop"),
        ],
    )
    def test_messages(self, tables, name, drop, message):
        np.save("a.npy", np.eye(2))
        sparse = pytest.importorskip("scipy.sparse")
        sparse.save_npz("a.npz", sparse.csr_matrix(np.eye(2)))
        with pytest.raises(ValueError, match=message):
            read_table(name, drop=drop)


def test_the_units_that_columns_of_several_kinds_need(folder, capsys):
    rng = np.random.default_rng(0)
    table = np.hstack([rng.normal(70, 9, (60, 2)), rng.integers(0, 2, (60, 3))]).astype(str)
    table[3, 3] = ""
    written("mixed.csv", table, list("abcde"))
    assert main(["fit", "mixed.csv", "--out", "m.pt", *FIT, *SHORT]) == 1
    units = "gaussian:2, bernoulli:3"
    assert f"--units '{units}' of fit would take them" in capsys.readouterr().err
    assert main(["fit", "mixed.csv", "--units", units, "--out", "m.pt", *FIT, *SHORT]) == 0


def test_a_few_wrong_values_are_no_sign_of_other_units(folder, capsys):
    table = np.random.default_rng(0).integers(0, 2, (60, 3))
    table[7, 1], table[9, 1] = 2, 3
    written("typo.csv", table.tolist(), list("abc"))
    assert main(["fit", "typo.csv", "--out", "m.pt", *FIT, *SHORT]) == 1
    said = capsys.readouterr().err
    assert "got 2 in column 'b' of case 8; 2 of 60 values there are neither 0 nor 1\n" in said


def test_too_high_a_rate_for_a_table_with_missing_values(folder, capsys):
    rows = np.random.default_rng(0).normal(0, 1, (60, 3)).astype(str)
    rows[::5, 1] = ""
    written("real.csv", rows, list("abc"))
    options = ["--units", "gaussian", "--rate", "50", "--epochs", "20", "--out", "m.pt"]
    assert main(["fit", "real.csv", *options, *FIT]) == 1
    assert (
        "diverged in epoch 1; expected a lower learning rate, or standardised data if these are not"
        in capsys.readouterr().err
    )


def test_a_model_too_large_for_enumeration(folder, capsys):
    rows = np.random.default_rng(0).integers(0, 2, (40, 30))
    written("wide.csv", rows, [f"q{i}" for i in range(30)])
    assert main(["fit", "wide.csv", "--out", "m.pt", "--epochs", "1", "--quiet"]) == 0
    assert main(["evaluate", "m.pt", "wide.csv", "--method", "exact"]) == 1
    error = capsys.readouterr().err
    assert error.endswith("; annealed importance sampling, method ais, estimates log Z of it\n")


@pytest.mark.parametrize("name", ["out.npy", "out.csv"])
def test_features_of_a_model_of_half_precision(folder, name):
    torch_rbm.save(torch_rbm.RBM(3, 4).to(torch.bfloat16), "half.pt")
    assert main(["features", "half.pt", "whole.csv", "--out", name]) == 0
    assert read_table(name).data.shape == (300, 4)
