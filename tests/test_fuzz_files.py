"""Files with bytes changed, left out or put in: they are read, or refused in words.

`pytest -m slow tests/test_fuzz_files.py` tries ten times as many.
"""

import contextlib
import gzip
import io
import struct
import warnings

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

import torch_rbm
from tests.short_training import parameters_equal
from torch_rbm.cli.readers import read_table
from torch_rbm.ratings import RatingTable, Recommender, synthetic_ratings
from torch_rbm.ratings.recommenders.persistence import load_recommender
from torch_rbm.ratings.tables.titles import read_titles


def npy(write, *arrays):
    file = io.BytesIO()
    write(file, *arrays)
    return file.getvalue()


def saved(folder, save):
    path = folder / "saved"
    save(path)
    return path.read_bytes()


def trained(path):
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    rbm = torch_rbm.RBM(4, 2)
    torch_rbm.fit(rbm, torch.eye(4), epochs=2, batch_size=2, checkpoint=path, progress=False)


def go_on(path):
    rbm = torch_rbm.RBM(4, 2)
    torch_rbm.fit(rbm, torch.eye(4), epochs=2, batch_size=2, checkpoint=path, progress=False)


RATINGS = b"userId,movieId,rating,timestamp\n1,10,4.5,3\n1,20,3,4\n2,10,1,5\n3,20,0.5,6\n"


def small_recommender():
    table, _ = synthetic_ratings(20, 15, 120, generator=torch.Generator().manual_seed(0))
    return Recommender.fit(table, hidden=3, epochs=1, penalty=1.0, progress=False)


# The name of a file, what it holds, and what reads it.
FILES = {
    "a.npy": (lambda _: npy(np.save, np.eye(5, dtype=np.float32)), read_table),
    "a.npz": (lambda _: npy(np.savez, np.eye(5)), read_table),
    "sparse.npz": (
        lambda _: npy(scipy.sparse.save_npz, scipy.sparse.csr_matrix(np.eye(5))),
        read_table,
    ),
    "a.csv": (lambda _: b"a,b,c\n1,0,1\n0,0.5,1\n1,1,1e3\n", read_table),
    "a.csv.gz": (lambda _: gzip.compress(b"1;0\n0;1\n1;1\n"), read_table),
    "a.idx": (lambda _: struct.pack(">HBBII", 0, 8, 2, 3, 4) + bytes(range(12)), read_table),
    "a.idx.gz": (
        lambda _: gzip.compress(struct.pack(">HBBII", 0, 0x0D, 2, 1, 2) + struct.pack(">ff", 1, 2)),
        read_table,
    ),
    "a.pt": (lambda folder: saved(folder, lambda path: torch.save(torch.eye(4), path)), read_table),
    "rbm.pt": (
        lambda folder: saved(folder, lambda path: torch_rbm.save(torch_rbm.RBM(3, 2), path)),
        torch_rbm.load,
    ),
    "dbn.pt": (
        lambda folder: saved(folder, lambda path: torch_rbm.save(torch_rbm.DBN([3, 2, 2]), path)),
        torch_rbm.load,
    ),
    "checkpoint.pt": (lambda folder: saved(folder, trained), go_on),
    "recommender.pt": (lambda folder: saved(folder, small_recommender().save), load_recommender),
    "ratings.csv": (lambda _: RATINGS, RatingTable.read_csv),
    "titles.csv": (lambda _: b"movieId,title\n10,A film\n20,Another\n", read_titles),
}


@st.composite
def changed(draw, content):
    """Content with some bytes changed, left out, doubled or cut off."""
    result = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(result) - 1, 0)))
        length = draw(st.integers(1, 8))
        match draw(st.sampled_from(["set", "set", "remove", "insert", "double", "cut"])):
            case "set":
                part = draw(st.binary(min_size=length, max_size=length))
                result[at : at + length] = part[: len(result) - at]
            case "remove":
                del result[at : at + length]
            case "insert":
                result[at:at] = draw(st.binary(min_size=length, max_size=length))
            case "double":
                result[at:at] = result[at : at + 10 * length]
            case "cut":
                del result[at:]
    return bytes(result)


def check(name, folder, data):
    make, read = FILES[name]
    if not hasattr(folder, "content"):
        folder.content = {}
    original = folder.content.setdefault(name, make(folder.path))
    path = folder.path / name
    content = data.draw(changed(original))
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(path)
        except ValueError:
            event("refused")
        else:
            event("read")
    if name != "checkpoint.pt":
        assert path.read_bytes() == content


class Folder:
    def __init__(self, path):
        self.path = path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Folder(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("name", FILES)
def test_whole_files_are_read(name, folder):
    make, read = FILES[name]
    path = folder.path / f"whole {name}"
    path.write_bytes(make(folder.path))
    read(path)


def test_no_damage_of_a_model_goes_unseen(tmp_path):
    model = torch_rbm.RBM(5, 3)
    path = tmp_path / "rbm.pt"
    torch_rbm.save(model, path)
    content = path.read_bytes()
    refused = 0
    for at in range(0, len(content), 3):
        path.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
        try:
            other = torch_rbm.load(path)
        except ValueError:
            refused += 1
        else:
            assert parameters_equal(model, other)
    assert refused > 100


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=100, derandomize=True)
@given(data=st.data())
def test_changed_files(name, folder, data):
    check(name, folder, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@settings(max_examples=1_000, database=None)
@given(data=st.data())
def test_changed_files_many_times(name, folder, data):
    check(name, folder, data)
