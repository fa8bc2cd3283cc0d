"""torch-rbm recommend, as its users call it."""

import os

import pytest
import torch

import torch_rbm
from tests.data_files import ratings_csv
from torch_rbm.cli import main
from torch_rbm.ratings import load_recommender, random_split, read_titles, synthetic_ratings


def write(table, path):
    path.write_text(ratings_csv(table, lambda user: user + 1, lambda item: item + 1))


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, _ = synthetic_ratings(60, 40, 1000, generator=torch.Generator().manual_seed(0))
    train, test = random_split(table, 0.1, torch.Generator().manual_seed(1))
    write(train, tmp_path / "ratings.csv")
    write(test, tmp_path / "test.csv")
    titles = "\n".join(f'{i},"Film, the {i}th",Drama' for i in range(1, 41))
    (tmp_path / "movies.csv").write_text(f"movieId,title,genres\n{titles}\n")
    return tmp_path


def recommend(*arguments):
    return main(["recommend", *arguments])


def fitted(*more):
    fast = ("--quiet", "--epochs", "2", "--hidden", "5", "--seed", "0")
    return recommend("fit", "ratings.csv", *fast, *more)


def test_from_ratings_to_titles(files, capsys):
    assert fitted("--test", "test.csv", "--titles", "movies.csv") == 0
    out = capsys.readouterr().out
    assert "test RMSE 0." in out
    assert "torch-rbm recommend for 1 --model recommender.pt" in out
    recommender = load_recommender("recommender.pt")
    assert recommend("for", "42", "--n", "3") == 0
    lines = capsys.readouterr().out.splitlines()
    best = recommender.recommend(42, 3)
    assert len(lines) == 3
    assert all(item.title in line for item, line in zip(best, lines, strict=True))
    assert best[0].title == f"Film, the {best[0].item}th"
    assert f"{best[0].rating:.2f} ± {best[0].std:.2f}" in lines[0]
    assert recommend("for", "--rated", "3=4.5", "--rated", "9=1", "--n", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    new = recommender.recommend({3: 4.5, 9: 1.0}, 2)
    assert [item.title in line for item, line in zip(new, lines, strict=True)] == [True, True]
    assert recommend("evaluate", "test.csv") == 0
    out = capsys.readouterr().out
    assert "rmse 0." in out
    assert "ndcg" in out
    assert recommend("export", "--out", "scripted.pt") == 0
    scripted = torch.jit.load("scripted.pt")
    assert scripted.item_titles()[:2] == ["Film, the 1th", "Film, the 2th"]
    user = scripted.user_names().index("42")
    numbers, _ = scripted.recommend(scripted.known_profile(user), scripted.seen(user), 3, 5)
    assert [int(scripted.item_names()[i]) for i in numbers] == [item.item for item in best]


def test_choices(files, capsys):
    (files / "clicks.csv").write_text(
        "user,item\n"
        + "".join(f"u{u},i{i}\n" for u in range(30) for i in range(u % 3, 20, 2 + u % 2))
    )
    assert recommend("fit", "clicks.csv", "--choices", "--quiet", "--epochs", "2") == 0
    capsys.readouterr()
    assert recommend("for", "u7", "--n", "2") == 0
    assert capsys.readouterr().out.count("%") == 2
    assert recommend("for", "--rated", "i3", "--n", "2") == 0
    (files / "later.csv").write_text("user,item\nu0,i1\nu1,i0\n")
    arguments = ["--choices", "--quiet", "--epochs", "2", "--test", "later.csv"]
    assert recommend("fit", "clicks.csv", *arguments) == 0
    assert "by popularity; NDCG" in capsys.readouterr().out
    assert recommend("evaluate", "later.csv", "--k", "5") == 0
    assert "recall" in capsys.readouterr().out


def test_without_a_file_ratings_are_made_up(files, capsys):
    assert recommend("fit", "--quiet", "--epochs", "1", "--hidden", "4") == 0
    assert "some are made up" in capsys.readouterr().out
    assert len(load_recommender("recommender.pt").users) == 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "none.csv"], "expected a file none.csv, found none"),
        (["fit", "movies.csv"], "expected a column for the user"),
        (["fit", "bad.csv"], "bad.csv: .* in line 3, got 'good'"),
        (["fit", "twice.csv"], "in line 2 and line 4"),
        (["fit", "empty.csv"], "empty.csv, but it is empty"),
        (["fit", "ratings.csv", "--out", "no/r.pt"], "expected a folder"),
        (["fit", "ratings.csv", "--titles", "ratings.csv"], "a column for the title"),
        (["fit", "ratings.csv", "--test", "ratings.csv"], "that were not in the training"),
        (["for", "1"], "expected a file recommender.pt, found none"),
        (["for", "1", "--model", "rbm.pt"], "rbm.pt to be a recommender"),
        (
            ["for", "1000", "--model", "r.pt"],
            "one of the users of the training ratings, got '1000'",
        ),
        (["for", "1", "--rated", "1=2", "--model", "r.pt"], "got both"),
        (["for", "--rated", "1", "--model", "r.pt"], "such as 318=4.5, got '1'"),
        (["for", "--rated", "1=7", "--model", "r.pt"], "of item 1, got 7"),
        (["evaluate", "ratings.csv", "--model", "r.pt"], "that were not in the training"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(files, capsys, arguments, message):
    (files / "bad.csv").write_text("userId,movieId,rating\n1,1,3\n1,2,good\n")
    (files / "twice.csv").write_text("userId,movieId,rating\n1,1,3\n1,2,4\n1,1,5\n")
    (files / "empty.csv").write_text("")
    torch_rbm.save(torch_rbm.RBM(3, 2), "rbm.pt")
    if "r.pt" in arguments:
        fitted("--out", "r.pt")
        capsys.readouterr()
    assert recommend(*arguments) == 1
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert error.startswith(f"torch-rbm recommend {arguments[0]}: ")
    assert not (files / "recommender.pt").exists()
    with pytest.raises(ValueError, match=message):
        raise ValueError(error)


def test_help(capsys):
    for command in ([], ["fit"], ["for"], ["evaluate"], ["export"]):
        with pytest.raises(SystemExit) as caught:
            recommend(*command, "--help")
        assert caught.value.code == 0
        assert "usage: torch-rbm recommend" in capsys.readouterr().out


def test_titles(files):
    titles = read_titles("movies.csv")
    assert titles["7"] == "Film, the 7th"
    assert len(titles) == 40
    assert not os.path.exists("recommender.pt")
