"""Pictures show the numbers that they are made of."""

import sys

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from PIL import Image

import torch_rbm
from torch_rbm import plotting
from torch_rbm.training import History, RBMEpoch


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.fixture
def rbm():
    rbm = torch_rbm.RBM(6, 4)
    torch.nn.init.normal_(rbm.weight)
    return rbm


def shown(ax):
    (image,) = ax.get_images()
    return torch.from_numpy(np.asarray(image.get_array().filled(np.nan)))


def test_tiles_go_from_left_to_right():
    rows = torch.arange(18.0).view(3, 6)
    canvas = plotting.tiled(rows, (2, 3), columns=2)
    assert canvas.shape == (2 * (2 + 2) + 2, 2 * (3 + 2) + 2)
    assert canvas[2:4, 2:5].equal(rows[0].view(2, 3))
    assert canvas[2:4, 7:10].equal(rows[1].view(2, 3))
    assert canvas[6:8, 2:5].equal(rows[2].view(2, 3))
    assert canvas.isnan().sum() == canvas.numel() - 18


def test_a_shape_that_does_not_fit():
    for shape in (None, (4, 2)):
        with pytest.raises(ValueError, match="expected a shape of pictures with 6 pixels, got"):
            plotting.samples(torch.rand(2, 6), shape=shape)


def test_samples():
    rows = torch.rand(4, 6)
    picture = shown(plotting.samples(rows, shape=(2, 3)))
    torch.testing.assert_close(picture, plotting.tiled(rows, (2, 3)), equal_nan=True)


def test_filters_are_the_longest_rows_of_weights(rbm):
    picture = shown(plotting.filters(rbm, count=2, shape=(2, 3), columns=1))
    first, second = rbm.weight[rbm.weight.norm(dim=1).argsort(descending=True)[:2]].detach()
    torch.testing.assert_close(picture[2:4, 2:5], (first / first.abs().max()).view(2, 3))
    torch.testing.assert_close(picture[6:8, 2:5], (second / second.abs().max()).view(2, 3))


def test_chains_over_time(rbm):
    start = torch.rand(3, 6).round()
    frames = plotting.run_chains(rbm, start, 5, generator=torch.Generator().manual_seed(0))
    assert frames.shape == (5, 3, 6)
    assert frames[0].equal(start)
    _, hidden = rbm.gibbs(start, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(frames[1], rbm.visible_mean(hidden))
    picture = shown(plotting.chains(frames, shape=(2, 3)))
    torch.testing.assert_close(picture[6:8, 12:15], frames[2, 1].view(2, 3))


def history(*log_likelihoods):
    return History(
        [
            RBMEpoch(i, i, loss=0.0, learning_rate=0.1, seconds=1.0, log_likelihood=value)
            for i, value in enumerate(log_likelihoods, 1)
        ]
    )


def test_learning_curve_has_means_and_deviations():
    runs = {"a": [history(-3.0, -2.0), history(-5.0, -2.0)], "b": history(-1.0, None)}
    ax = plotting.learning_curve(runs)
    first, second = ax.lines
    assert first.get_ydata().tolist() == [-4.0, -2.0]
    (band,) = ax.collections
    assert {tuple(point) for point in band.get_paths()[0].vertices.tolist()} >= {(1, -5), (1, -3)}
    assert second.get_xdata().tolist() == [1]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    with pytest.raises(ValueError, match="expected epochs with a validation_error, got none"):
        plotting.learning_curve(history(-1.0), "validation_error")


def counts(patches):
    return sum(patch.get_height() for patch in patches)


def test_histograms_count_everything(rbm):
    assert counts(plotting.weights(rbm).patches) == 24
    ax = plotting.activities(rbm, torch.rand(30, 6))
    assert counts(ax.patches) == 4
    assert ax.patches[0].get_x() >= 0


def test_free_energies_share_their_bins(rbm):
    data = {"near": torch.rand(50, 6), "far": torch.rand(20, 6) + 3}
    ax = plotting.free_energies(rbm, data, bins=10)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["near", "far"]
    found = torch.cat([rbm.free_energy(rows) for rows in data.values()])
    for polygon in ax.patches:
        x = polygon.get_xy()[:, 0]
        assert x.min() == pytest.approx(found.min().item(), abs=1e-4)
        assert x.max() == pytest.approx(found.max().item(), abs=1e-4)


def test_animation(tmp_path):
    frames = torch.eye(4).repeat(2, 1, 1)[:, :3]
    frames[1] = frames[1].flip(1)
    plotting.save_animation(frames, tmp_path / "a.gif", columns=3, milliseconds=50)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 2
        assert animation.info["duration"] == 50
        first = np.array(animation.convert("L"))
        animation.seek(1)
        second = np.array(animation.convert("L"))
    assert first.shape == (3 * 6, 3 * 14)
    assert (first[6, 6], first[6, 9], second[6, 6]) == (0, 255, 255)


def test_a_picture_of_samples(tmp_path):
    plotting.save_samples(torch.eye(4), tmp_path / "a.png", columns=4)
    picture = np.array(Image.open(tmp_path / "a.png"))
    assert (picture == 0).sum() == 4 * 9
    plotting.save_samples(torch.zeros(1, 4), tmp_path / "a.png")
    empty = np.array(Image.open(tmp_path / "a.png"))
    assert (empty == 255).sum() == 4 * 9
    assert (empty[0] < 240).all()  # its frame


@pytest.mark.parametrize(
    ("module", "draw"),
    [
        ("matplotlib", lambda: plotting.samples(torch.eye(4))),
        ("PIL.Image", lambda: plotting.save_samples(torch.eye(4), "a.png")),
    ],
)
def test_without_the_package(monkeypatch, module, draw):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install torch_rbm\[plotting\]"):
        draw()
