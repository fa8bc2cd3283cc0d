"""Going on where a training was stopped: by its own errors, Ctrl-C and kill -9."""

import functools
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

import torch_rbm
from tests.short_training import Stop, data_of, fitted, parameters_equal

LOSSES = {
    "CD": torch_rbm.ContrastiveDivergence,
    "PCD": functools.partial(torch_rbm.PersistentContrastiveDivergence, centered=True),
    "FPCD": torch_rbm.FastPersistentContrastiveDivergence,
    "PT": functools.partial(torch_rbm.ParallelTempering, chains=10),
}


class TestResume:
    @pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
    @pytest.mark.parametrize("generator", [False, True])
    def test_it_goes_on_bit_for_bit(self, tmp_path, loss, generator):
        """Broken off in the third of forty epochs, and again in the eleventh."""
        data = data_of()
        options = {
            "loss": loss,
            "epochs": 40,
            "average": 0.9,
            "optimizer": functools.partial(torch.optim.Adam, lr=0.01),
            "validation": data[:60],
            "patience": 39,
        }

        def run(checkpoint, *callbacks):
            own = torch.Generator().manual_seed(3) if generator else None
            return fitted(
                data,
                checkpoint=checkpoint,
                checkpoint_seconds=0,
                callbacks=callbacks,
                generator=own,
                **options,
            )

        whole, history = run(None)
        path = tmp_path / "run.pt"
        for epoch in (3, 11):
            with pytest.raises(RuntimeError, match="stopped"):
                run(path, Stop(epoch))
        resumed, other = run(path)
        assert parameters_equal(whole, resumed)
        assert history.losses == other.losses
        assert history.log_likelihoods == other.log_likelihoods
        assert history.best_epoch == other.best_epoch
        again, _ = run(path)  # there is nothing left to do
        assert parameters_equal(whole, again)

    def test_short_epochs_are_saved_in_time(self, tmp_path, monkeypatch):
        """What counts is the time since the last checkpoint, however many epochs that is."""
        clock = itertools.count()
        monkeypatch.setattr("torch_rbm.training.loop.time.monotonic", lambda: next(clock))
        path = tmp_path / "run.pt"
        saved = []

        class Look(torch_rbm.Callback):
            def on_epoch(self, rbm, epoch):
                saved.append(path.exists())
                path.unlink(missing_ok=True)

        # The clock ticks once for an update, of which an epoch has 6, and once for each epoch.
        fitted(data_of(), epochs=12, checkpoint=path, checkpoint_seconds=20, callbacks=[Look()])
        assert saved == [i in (2, 5, 8, 11) for i in range(12)]

    def test_another_model_or_plan_is_refused(self, tmp_path):
        data, path = data_of(), tmp_path / "run.pt"
        fitted(data, checkpoint=path)
        with pytest.raises(ValueError, match="of the same model, but it has hidden 6, not 7; rem"):
            fitted(data, checkpoint=path, hidden=7)

    def test_other_data_are_noticed(self, tmp_path):
        """Drawn anew they are no reason to lose a training; after its end nothing is learned."""
        data, path = data_of(), tmp_path / "run.pt"
        other = 1 - data
        with pytest.raises(RuntimeError, match="stopped"):
            fitted(data, checkpoint=path, checkpoint_seconds=0, callbacks=[Stop(2)])
        with pytest.warns(UserWarning, match="with other data; it goes on with these"):
            fitted(other, checkpoint=path)
        with pytest.raises(ValueError, match="with other data, which has ended; remove the file"):
            fitted(data, checkpoint=path)

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            ({"epochs": 9}, "epochs 4, not 9"),
            ({"loss": torch_rbm.ContrastiveDivergence}, "not ContrastiveDivergence"),
            (
                {"loss": functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=7)},
                r"shape of loss.chain \[100, 8\], not \[7, 8\]",
            ),
            (
                {"loss": functools.partial(torch_rbm.PersistentContrastiveDivergence, steps=2)},
                "loss.steps 1, not 2",
            ),
            ({"optimizer": torch.optim.Adam}, "optimizer SGD, not Adam"),
            ({"optimizer": functools.partial(torch.optim.SGD, lr=0.3)}, "optimizer.lr .*, not 0.3"),
            ({"weight_decay": 0.1}, "optimizer group 0.weight_decay absent, not 0.1"),
            ({"average": 0.5}, "averaged_from .*, not"),
            ({"binarize": True}, "binarize False, not True"),
            ({"sparsity": torch_rbm.SparsityTarget(0.1)}, "sparsity None, not Spars"),
            (
                {"scheduler": lambda o, n: torch.optim.lr_scheduler.StepLR(o, n)},
                "scheduler LinearDecay, not StepLR",
            ),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_other_options_are_refused(self, tmp_path, other, words):
        data, path = data_of(), tmp_path / "run.pt"
        fitted(data, checkpoint=path)
        with pytest.raises(ValueError, match=f"the same training, but this one has .*{words}"):
            fitted(data, checkpoint=path, **other)

    def test_files_that_are_no_checkpoints(self, tmp_path):
        path = tmp_path / "run.pt"
        path.write_text("no")
        with pytest.raises(ValueError, match=r"run.pt to be a training checkpoint"):
            fitted(data_of(), checkpoint=path)
        torch.save({"a": 1}, path)
        with pytest.raises(ValueError, match=r"run.pt to be a training checkpoint"):
            fitted(data_of(), checkpoint=path)
        torch.save(Evil(tmp_path), path)
        with pytest.raises(ValueError, match=r"run.pt to be a training checkpoint"):
            fitted(data_of(), checkpoint=path)
        assert not (tmp_path / "evil").exists()

    def test_ctrl_c_leaves_a_checkpoint(self, tmp_path):
        data, path = data_of(), tmp_path / "run.pt"
        whole, _ = fitted(data, epochs=300)
        timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt, match=r"the same call goes on from .*run.pt"):
            fitted(data, epochs=300, checkpoint=path)
        timer.join()
        assert path.exists()
        resumed, _ = fitted(data, epochs=300, checkpoint=path)
        assert parameters_equal(whole, resumed)


class Evil:
    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (os.path.join(self.folder, "evil"),)


SCRIPT = Path(__file__).with_name("kill_target.py")


@pytest.mark.parametrize("kills", [pytest.param(20, marks=pytest.mark.slow), 3])
def test_killed_at_random_moments(tmp_path, kills):
    """kill -9, again and again, with a checkpoint after every update: the same weights."""

    def start(path, out):
        return subprocess.Popen([sys.executable, SCRIPT, path, out])

    whole = tmp_path / "whole.pt"
    started = time.monotonic()
    assert start(tmp_path / "whole.checkpoint", whole).wait(300) == 0
    duration = time.monotonic() - started
    path, out = tmp_path / "killed.checkpoint", tmp_path / "killed.pt"
    random = torch.Generator().manual_seed(kills)
    killed = 0
    while killed < kills:
        process = start(path, out)
        # Somewhere from the import to the end.
        delay = duration * float(torch.rand((), generator=random))
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            continue
        assert process.returncode == 0
        out.unlink()  # it got to its end: begin anew
        path.unlink()
    assert start(path, out).wait(300) == 0
    results = [torch.load(file, weights_only=True) for file in (whole, out)]
    assert results[0].keys() == results[1].keys()
    assert all(results[0][name].equal(results[1][name]) for name in results[0])
