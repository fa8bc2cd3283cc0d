"""fit: its options, its reports, and going on where it was stopped."""

import csv
import functools
import itertools
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import torch_rbm
from tests.enumeration import Model
from tests.test_evaluation import bars_and_stripes


def data_of(rows=600, seed=0):
    torch.manual_seed(seed)
    return Model.random(8, 4, seed=3, scale=1.5).sample(rows).float()


def fitted(data, rbm=None, *, hidden=6, seed=1, **options):
    torch.manual_seed(seed)
    rbm = torch_rbm.RBM(8, hidden) if rbm is None else rbm
    history = torch_rbm.fit(
        rbm, data, **{"progress": False, "epochs": 4, "batch_size": 100, **options}
    )
    return rbm, history


def parameters_equal(a, b):
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return all(x.equal(y) for x, y in pairs)


class TestOptions:
    def test_default_settings_learn(self):
        """Bars and stripes: four fifths of what independent units leave to be learned."""
        data = bars_and_stripes(3).float().repeat(40, 1)
        independent = torch_rbm.RBM(9, 1)
        torch_rbm.initialize(independent, data, weight_std=0.0)
        to_learn = torch_rbm.kl_divergence(independent, data)
        rbm = torch_rbm.RBM(9, 20)
        _, history = fitted(data, rbm, epochs=None, batch_size=None)
        assert torch_rbm.kl_divergence(rbm, data) < to_learn / 5
        batches = len(data) // 10  # the smallest batches, for so few cases
        epochs = math.ceil(5_000 / batches)
        assert [e.epoch for e in history.epochs] == list(range(1, epochs + 1))
        assert history.epochs[-1].updates == epochs * batches
        assert history.epochs[-1].learning_rate == pytest.approx(0, abs=1e-6)
        assert history.epochs[5].seconds > 0
        assert history.epochs[5].pseudo_log_likelihood < 0

    def test_weight_decay_spares_biases(self):
        """With nothing to learn from, weights shrink and biases stay."""
        rbm = torch_rbm.RBM(8, 6)
        with torch.no_grad():
            rbm.weight.fill_(0.5)
            rbm.visible_bias.fill_(0.5)
        before = rbm.weight.detach().clone()

        class Nothing(torch.nn.Module):
            def __init__(self, rbm):
                super().__init__()
                self.rbm = rbm

            def forward(self, data, generator=None):
                return sum((0 * p).sum() for p in self.rbm.parameters())

        keep = functools.partial(torch.optim.lr_scheduler.LambdaLR, lr_lambda=lambda _: 1.0)
        torch_rbm.fit(
            rbm,
            data_of(200),
            epochs=1,
            batch_size=100,
            loss=Nothing,
            weight_decay=0.1,
            optimizer=functools.partial(torch.optim.SGD, lr=0.5),
            scheduler=lambda optimizer, updates: keep(optimizer),
            progress=False,
        )
        torch.testing.assert_close(rbm.weight, before * (1 - 0.05) ** 2)
        assert (rbm.visible_bias == 0.5).all()

    @pytest.mark.parametrize("target", [0.05, 0.5])
    def test_sparsity_target(self, target):
        data = data_of()
        rbm, _ = fitted(
            data, epochs=80, sparsity=torch_rbm.SparsityTarget(target, cost=3.0), hidden=20
        )
        assert rbm.hidden_mean(data).mean(0).sub(target).abs().max() < 0.1

    def test_sparsity_gradient(self):
        """q - p for the field of a unit, by the chain rule through σ (Nair and Hinton 2009)."""
        rbm = torch_rbm.RBM(3, 2)
        v = torch.tensor([[1.0, 0.0, 1.0]])
        torch_rbm.SparsityTarget(0.2, cost=1.0)(rbm, v).backward()
        expected = rbm.hidden_mean(v)[0] - 0.2
        torch.testing.assert_close(rbm.hidden_bias.grad, expected.detach())

    def test_average(self):
        """The mean of the parameters of the last half of the updates."""
        seen = []

        class Keep(torch.optim.SGD):
            def step(self, closure=None):
                super().step(closure)
                seen.append(self.param_groups[0]["params"][0].detach().clone())

        rbm, _ = fitted(data_of(), optimizer=functools.partial(Keep, lr=0.1), average=0.5)
        assert len(seen) == 24
        torch.testing.assert_close(rbm.weight.detach(), torch.stack(seen[12:]).mean(0))

    def test_binarize_draws_anew_in_every_pass(self):
        seen = []

        class Watch(torch_rbm.ContrastiveDivergence):
            def forward(self, data, generator=None, observed=None):
                seen.append(data.clone())
                return super().forward(data, generator, observed)

        grey = torch.full((100, 8), 0.3)
        fitted(grey, loss=Watch, binarize=True, epochs=50)
        assert all(batch.dtype == torch.bool for batch in seen)
        assert not seen[0].equal(seen[1])
        share = torch.stack(seen).float().mean().item()
        assert abs(share - 0.3) < 5 * (0.21 / (50 * 800)) ** 0.5

    def test_missing_values(self):
        """Training with a column that is nowhere observed leaves its weights alone."""
        data = data_of()
        observed = torch.ones(600, 8, dtype=torch.bool)
        observed[:, 2] = False
        rbm = torch_rbm.RBM(8, 6)
        before = rbm.weight[:, 2].detach().clone()
        fitted(
            data.masked_fill(~observed, torch.nan),
            rbm,
            observed=observed,
            loss=torch_rbm.ContrastiveDivergence,
        )
        assert rbm.weight[:, 2].equal(before)
        assert rbm.visible_bias[2] == 0

    def test_early_stopping_keeps_the_best(self):
        """Twenty cases and many hidden units: it overfits, is stopped, and goes back."""
        data = data_of(220)
        rbm, history = fitted(
            data[:20],
            hidden=30,
            epochs=3000,
            batch_size=20,
            optimizer=functools.partial(torch.optim.Adam, lr=0.01),
            validation=data[20:],
            patience=15,
        )
        values = history.log_likelihoods
        assert history.stopped_early
        assert len(values) < 3000
        assert values[history.best_epoch - 1] == max(values)
        assert len(values) == history.best_epoch + 15
        kept = torch_rbm.log_likelihood(rbm, data[20:]).value
        assert kept == pytest.approx(max(values), abs=1e-9)

    def test_monitors_do_not_change_the_training(self):
        data = data_of()
        plain, _ = fitted(data)
        watched, _ = fitted(data, validation=data[:50])
        assert parameters_equal(plain, watched)

    def test_memory_mapped_file(self, tmp_path):
        data = data_of().numpy().astype(np.uint8)
        np.save(tmp_path / "data.npy", data)
        mapped = np.load(tmp_path / "data.npy", mmap_mode="c")
        a, _ = fitted(mapped)
        b, _ = fitted(torch.from_numpy(data))
        assert parameters_equal(a, b)

    def test_generator_alone_decides(self):
        data = data_of()
        learned = []
        for seed in range(2):
            rbm = torch_rbm.RBM(8, 6)
            rbm.reset_parameters(torch.Generator().manual_seed(4))
            fitted(data, rbm, seed=seed, generator=torch.Generator().manual_seed(7))
            learned.append(rbm)
        assert parameters_equal(*learned)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"average": 1.5}, ValueError, r"average in \[0, 1\], got 1.5"),
            ({"weight_decay": -1.0}, ValueError, "weight_decay in .* got -1"),
            ({"patience": 3}, ValueError, "validation data with patience"),
            ({"patience": 0}, ValueError, "patience >= 1, got 0"),
            ({"validation": torch.full((3, 8), 0.5)}, ValueError, "validation to be 0 or 1"),
            ({"sparsity": 0.1}, TypeError, "sparsity to be a torch_rbm.SparsityTarget"),
            ({"checkpoint": "/nowhere/at/all.pt"}, FileNotFoundError, "a folder /nowhere/at"),
            ({"scheduler": "cosine"}, TypeError, "scheduler to be a class or function"),
            ({"observed": torch.ones(3)}, TypeError, "observed to be a tensor of dtype torch.bool"),
        ],
    )
    def test_bad_options(self, options, error, message):
        with pytest.raises(error, match=message):
            fitted(data_of(50), **options)


class TestCallbacks:
    def test_csv_log(self, tmp_path):
        path = tmp_path / "log.csv"
        _, history = fitted(data_of(), callbacks=[torch_rbm.CSVLog(path)])
        with path.open() as file:
            rows = list(csv.DictReader(file))
        assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
        assert [float(row["loss"]) for row in rows] == history.losses

    def test_a_callback_ends_the_training(self):
        class Enough(torch_rbm.Callback):
            ended = False

            def on_epoch(self, rbm, epoch):
                return epoch.epoch == 2

            def on_end(self, rbm):
                self.ended = True

        callback = Enough()
        _, history = fitted(data_of(), callbacks=[callback])
        assert len(history.epochs) == 2
        assert history.stopped_early
        assert callback.ended

    def test_tensorboard_log(self, tmp_path):
        pytest.importorskip("tensorboard")
        fitted(data_of(), callbacks=[torch_rbm.TensorBoardLog(tmp_path)])
        assert any(file.stat().st_size > 1000 for file in tmp_path.iterdir())

    def test_tensorboard_is_named_where_it_is_missing(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
        with pytest.raises(ModuleNotFoundError, match="pip install tensorboard"):
            torch_rbm.TensorBoardLog(tmp_path)


LOSSES = {
    "CD": torch_rbm.ContrastiveDivergence,
    "PCD": functools.partial(torch_rbm.PersistentContrastiveDivergence, centered=True),
    "FPCD": torch_rbm.FastPersistentContrastiveDivergence,
    "PT": functools.partial(torch_rbm.ParallelTempering, chains=10),
}


class Stop(torch_rbm.Callback):
    """Breaks a training off, as an error of the user's code would."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch(self, rbm, epoch):
        if epoch.epoch == self.epoch:
            raise RuntimeError("stopped")


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
        with pytest.raises(ValueError, match=r"checkpoint .* to be of .*'hidden': 7"):
            fitted(data, checkpoint=path, hidden=7)

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
                "scheduler LinearLR, not StepLR",
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
