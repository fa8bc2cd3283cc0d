"""What the README and the documentation show, runs."""

import functools
import math
import re
from pathlib import Path

import pytest
import torch

import torch_rbm
from tests.data_files import ratings_csv

PROJECT = Path(__file__).parent / "cmake_project"
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


# PyTorch says of its CSR tensors that they are in beta state.
@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
def test_python_blocks_run_one_after_the_other(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert "log-likelihood -" in capsys.readouterr().out
    # The data are 14 equally likely states; an untrained model gives each -9 log 2 = -6.2.
    best = -math.log(14)
    assert best - 0.4 < names["log_likelihood"].value < best
    assert names["samples"].shape == (10, 9)
    assert torch.equal(names["filled_in"][:, :5], names["data"][:, :5])
    assert names["pictures"].shape == (4, 9)
    assert torch.isfinite(names["net"](names["data"])).all()
    assert torch.isfinite(names["rbm"].weight.grad).all()
    assert (names["predicted"] == names["labels"]).float().mean() > 0.6
    assert {path.name for path in tmp_path.iterdir()} == {"dbn_weights.pt", "dbn.pt"}


def test_the_cpp_block_is_the_one_that_is_built():
    """The C++ of the README is a program of the stranger's project, which the tests compile."""
    (block,) = re.findall(r"```cpp\n(.*?)```", README, re.DOTALL)
    source = (PROJECT / "readme.cpp").read_text()
    assert block.strip() in source


def test_cpp_lines_of_the_pages_are_built():
    """Each is a line of a program of the stranger's project."""
    sources = "".join(path.read_text() for path in PROJECT.glob("*.cpp"))
    blocks = re.findall(r"```cpp\n(.*?)```", (ROOT / "docs" / "cpp.md").read_text(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert line in sources, line


def given(page: str) -> dict[str, object]:
    """What a page takes for granted."""
    pictures = torch.rand(40, 784).round()
    digits = torch.arange(40) % 10
    names: dict[str, object] = {"torch": torch, "torch_rbm": torch_rbm, "functools": functools}
    if page == "dbn.md":
        names |= {"pictures": pictures, "digits": digits, "states": pictures}
        names |= {"held_out": pictures, "their_digits": digits}
    elif page == "plotting.md":
        states = torch.rand(120, 64).round()
        names |= {"rbm": torch_rbm.RBM(64, 12), "data": states, "held_out": states[:50]}
    else:
        names |= {"rbm": torch_rbm.RBM(784, 5), "data": pictures}
    return names


# Training on noise, they lag.
@pytest.mark.filterwarnings("ignore:fit. the chains are:UserWarning")
@pytest.mark.parametrize(
    "page",
    [
        "choosing.md",
        "dbn.md",
        "deployment.md",
        "evaluation.md",
        "mathematics.md",
        "plotting.md",
        "recommender.md",
        "sklearn.md",
        "start.md",
        "training.md",
    ],
)
def test_documentation(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, _ = torch_rbm.ratings.synthetic_ratings(60, 40, 900)
    (tmp_path / "ratings.csv").write_text(ratings_csv(table))
    (tmp_path / "movies.csv").write_text("movieId,title\n1,A film\n")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    assert blocks
    names = given(page)
    for block in blocks:
        small = re.sub(r"\b(?:2000|1000|500|250)\b", "12", block)
        exec(compile(small, page, "exec"), names)
    if page == "dbn.md":
        assert names["threes"].shape == (10, 784)
        assert names["bound"].method == "exact"


LINKS = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """What a link to a heading of a page may end in, as GitHub and Sphinx name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize(
    "page", [str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]]
)
def test_links_inside_the_project(page):
    path = ROOT / page
    for link in LINKS.findall(path.read_text()):
        target, _, anchor = link.partition("#")
        if target.startswith(("http:", "https:")):
            continue
        file = path.parent / target if target else path
        assert file.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in anchors(file), f"{page} links to {link}"
