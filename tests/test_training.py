"""fit: its options and its reports."""

import csv
import functools
import math
import sys

import numpy as np
import pytest
import torch

import torch_rbm
from tests.short_training import data_of, fitted, parameters_equal
from tests.test_evaluation import bars_and_stripes


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

    @pytest.mark.parametrize(("hold", "whole"), [(0.0, 1), (0.5, 6), (1.0, 11)])
    def test_the_rate_stays_and_falls_to_zero(self, hold, whole):
        """As it is for so many updates of ten, and half of it where something halves it."""
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
        schedule = torch_rbm.linear_decay(optimizer, 10, hold)
        rates = []
        for update in range(11):
            rates.append(optimizer.param_groups[0]["lr"])
            if update == 4:
                optimizer.param_groups[0]["lr"] /= 2
            optimizer.step()
            schedule.step()
        falls = [left / (11 - whole) for left in range(10 - whole, -1, -1)]
        expected = [0.4 * rate for rate in [1.0] * whole + falls]
        halved = expected[:5] + [rate / 2 for rate in expected[5:]]
        assert rates == pytest.approx(halved, abs=1e-12)

    @pytest.mark.parametrize("parts", [[(0.0, 1.0)], [(0.0, 0.2), (0.2, 1.0)]])
    def test_the_rate_rises_first(self, parts):
        """In four updates of ten, in one call or in two; then it has fallen by as many."""
        rates = []
        for start, end in parts:
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
            updates = round(10 * (end - start))
            schedule = torch_rbm.linear_decay(optimizer, updates, warm_up=0.4, part=(start, end))
            for _ in range(updates):
                rates.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                schedule.step()
        assert rates == pytest.approx([0.1, 0.2, 0.3, 0.28, 0.24, 0.2, 0.16, 0.12, 0.08, 0.04])

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
            (
                {"scheduler": functools.partial(torch_rbm.linear_decay, hold=2)},
                ValueError,
                r"linear_decay: expected hold in \[0, 1\], got 2",
            ),
            (
                {"scheduler": functools.partial(torch_rbm.linear_decay, warm_up=-0.1)},
                ValueError,
                r"linear_decay: expected warm_up in \[0, 1\], got -0.1",
            ),
            (
                {"scheduler": functools.partial(torch_rbm.linear_decay, part=(0.5, 0.5))},
                ValueError,
                r"linear_decay: expected 0 <= start < end <= 1 as part, got \(0.5, 0.5\)",
            ),
            ({"scheduler": "cosine"}, TypeError, "scheduler to be a class or function"),
            ({"observed": torch.ones(3)}, TypeError, "observed to be a tensor of dtype torch.bool"),
        ],
    )
    def test_bad_options(self, options, error, message):
        with pytest.raises(error, match=message):
            fitted(data_of(50), **options)


def test_a_history_is_shown_on_one_line():
    data = torch.bernoulli(torch.full((50, 4), 0.5))
    rbm = torch_rbm.RBM(4, 2)
    history = torch_rbm.fit(rbm, data, epochs=3, validation=data, patience=3, progress=False)
    log_p = history.log_likelihoods[-1]
    end = f"log p={log_p:.2f} in the last, the best number {history.best_epoch}"
    assert repr(history) == f"<History of 3 epochs, {end}>"
    assert repr(type(history)()) == "<History of 0 epochs>"


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
