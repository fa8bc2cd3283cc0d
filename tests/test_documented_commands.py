"""The commands that the README and the documentation show do what they say."""

import gzip
import re
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest

import torch_rbm
from torch_rbm.cli import main

ROOT = Path(__file__).parents[1]
# Shorter than what is shown, which takes minutes.
SHORTER = {"fit": ["--epochs", "2", "--hidden", "5", "--quiet"], "recommend fit": ["--quiet"]}
SHORTER |= {"sample": ["--steps", "5"], "evaluate": ["--quiet"]}
# tests/test_cli.py runs it whole.
ELSEWHERE = ["demo"]


def write_pictures(path: Path, cases: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (cases, 28, 28)).astype(np.uint8)
    with gzip.open(path, "wb") as file:
        file.write(struct.pack(">HBB3I", 0, 8, 3, *pictures.shape) + pictures.tobytes())


def write_ratings(path: Path, first: int, last: int) -> None:
    """Ratings of users 0 to 59, of films by numbers and of those that the pages name."""
    table, _ = torch_rbm.ratings.synthetic_ratings(60, 40, 900)
    names = {0: 318, 1: 4896}
    rows = zip(table.user, table.item, table.values(), strict=True)
    lines = [f"{int(user)},{names.get(int(film), int(film))},{value}" for user, film, value in rows]
    path.write_text("\n".join(["userId,movieId,rating", *lines[first:last]]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "train-images-idx3-ubyte.gz", 60)
    write_pictures(tmp_path / "t10k-images-idx3-ubyte.gz", 20)
    digits = np.random.default_rng(0).integers(0, 2, (60, 64))
    for name in ("digits.csv", "more_digits.csv"):
        np.savetxt(tmp_path / name, digits, fmt="%d", delimiter=",")
    write_ratings(tmp_path / "ratings.csv", 0, 800)
    write_ratings(tmp_path / "held_out.csv", 800, 900)
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
