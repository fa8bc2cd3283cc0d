"""The commands that the README and the documentation show do what they say."""

import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import torch_rbm
from tests.data_files import idx, ratings_csv
from torch_rbm.cli import main

ROOT = Path(__file__).parents[1]
# Shorter than what is shown, which takes minutes.
SHORTER = {"fit": ["--epochs", "2", "--hidden", "5", "--quiet"], "recommend fit": ["--quiet"]}
SHORTER |= {"sample": ["--steps", "5"], "evaluate": ["--quiet"]}
# tests/test_cli.py runs it whole.
ELSEWHERE = ["demo"]
# Films that the pages speak of.
NAMED = {0: 318, 1: 4896}


def write_pictures(path: Path, cases: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (cases, 28, 28)).astype(np.uint8)
    path.write_bytes(gzip.compress(idx(pictures)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "train-images-idx3-ubyte.gz", 60)
    write_pictures(tmp_path / "t10k-images-idx3-ubyte.gz", 20)
    digits = np.random.default_rng(0).integers(0, 2, (60, 64))
    for name in ("digits.csv", "more_digits.csv"):
        np.savetxt(tmp_path / name, digits, fmt="%d", delimiter=",")
    cells = digits[:, :6].astype(str)
    cells[::3, 1] = ""
    np.savetxt(tmp_path / "answers.csv", cells, fmt="%s", delimiter=",")
    table, _ = torch_rbm.ratings.synthetic_ratings(60, 40, 900)
    for name, rows in (("ratings.csv", slice(800)), ("held_out.csv", slice(800, None))):
        ratings = table.subset(rows)
        (tmp_path / name).write_text(ratings_csv(ratings, item=lambda n: NAMED.get(n, n)))
    (tmp_path / "movies.csv").write_text("movieId,title\n318,One\n4896,Another\n")
    return tmp_path


def commands(page: str) -> list[list[str]]:
    """The arguments of ``torch-rbm`` in the blocks of a page."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    ours = [line for line in lines if line.startswith("torch-rbm ")]
    return [shlex.split(line, comments=True)[1:] for line in ours]


PAGES = [
    str(page.relative_to(ROOT))
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    if commands(str(page.relative_to(ROOT)))
]


def test_there_are_such_pages():
    assert {"README.md", "docs/start.md", "docs/training.md", "docs/recommender.md"} <= set(PAGES)


# On few cases the chains lag.
@pytest.mark.filterwarnings("ignore:fit. the chains are:UserWarning")
@pytest.mark.parametrize("page", PAGES)
def test_commands(page, folder, capsys):
    for arguments in commands(page):
        if arguments[0] in ELSEWHERE:
            continue
        kind = " ".join(arguments[: 2 if arguments[0] == "recommend" else 1])
        assert main([*arguments, *SHORTER.get(kind, [])]) == 0, (arguments, capsys.readouterr().err)
        for given in re.findall(r"--out (\S+)", " ".join(arguments)):
            assert (folder / given).stat().st_size > 0
