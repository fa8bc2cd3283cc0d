"""fine_tune: supervised training of networks, and going on where it was stopped."""

import csv
import functools

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import torch_rbm


def digits(rows=300):
    """Rows of twelve pixels, and which half of them is on."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(2, (rows,), generator=generator)
    ideal = torch.stack([torch.arange(12) < 6, torch.arange(12) >= 6]).float()
    flips = torch.rand(rows, 12, generator=generator) < 0.1
    return (ideal[labels] - flips.float()).abs(), labels


def network(outputs=2, dropout=0.0):
    torch.manual_seed(2)
    return torch_rbm.DBN([12, 8]).classifier(outputs, dropout=dropout)


def options(**more):
    return {"epochs": 20, "batch_size": 20, "progress": False, **more}


class TestTargets:
    def test_classes(self):
        data, labels = digits()
        net = network()
        history = torch_rbm.fine_tune(
            net, data, labels, validation=digits(100), **options(optimizer=fast)
        )
        assert not net.training
        assert history.losses[-1] < 0.1 < history.losses[0]
        assert history.epochs[-1].validation_error < 0.03
        assert history.epochs[-1].validation_loss < 0.2
        wrong = (net(digits(100)[0]).argmax(1) != digits(100)[1]).float().mean().item()
        assert history.epochs[-1].validation_error == pytest.approx(wrong)

    def test_classes_of_another_dtype(self):
        data, labels = digits()
        history = torch_rbm.fine_tune(
            network(),
            data,
            labels.to(torch.uint8),
            validation=(data, labels.short()),
            **options(optimizer=fast),
        )
        assert history.epochs[-1].validation_error < 0.03

    @pytest.mark.parametrize("kind", ["dataset", "loader"])
    def test_pairs(self, kind):
        data, labels = digits()
        source = TensorDataset(data.view(-1, 3, 4), labels)
        if kind == "loader":
            source = DataLoader(source, batch_size=20, shuffle=True)
        history = torch_rbm.fine_tune(network(), source, True, **options(optimizer=fast))
        assert history.losses[-1] < 0.1

    def test_real_values(self):
        data, _ = digits()
        targets = data @ torch.linspace(-1, 1, 24).view(12, 2)
        net = torch_rbm.DBN([12, 16]).regressor(2)
        history = torch_rbm.fine_tune(
            net,
            data,
            targets.double(),
            validation=(data, targets.double()),
            **options(epochs=60, optimizer=fast),
        )
        variance = targets.var(0).mean().item()
        assert history.epochs[-1].validation_loss < variance / 20
        assert history.epochs[-1].validation_error is None

    def test_the_data_themselves(self):
        data, _ = digits()
        torch.manual_seed(3)
        net = torch_rbm.DBN([12, 8, 2], units=["bernoulli", "bernoulli", "gaussian"])
        history = torch_rbm.fine_tune(
            net.autoencoder(),
            data,
            loss=nn.functional.binary_cross_entropy,
            validation=data,
            **options(optimizer=fast),
        )
        assert history.epochs[-1].validation_loss < 0.4 < history.epochs[0].loss

    def test_inputs_with_a_shape(self):
        data, labels = digits()
        net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(48, 2))
        history = torch_rbm.fine_tune(
            net, data.view(-1, 1, 3, 4), labels, flatten=False, **options(optimizer=fast)
        )
        assert history.losses[-1] < 0.1


fast = functools.partial(torch.optim.Adam, lr=0.02)


class TestOptions:
    def test_dropout_is_off_where_nothing_is_trained(self):
        """The validation loss is the same whatever dropout would draw."""
        data, labels = digits()
        seen = []

        class Look(torch_rbm.Callback):
            def on_epoch(self, module, epoch):
                seen.append(module.training)
                evaluated = module.eval()(data)
                module.train()
                loss = nn.functional.cross_entropy(evaluated, labels).item()
                assert epoch.validation_loss == pytest.approx(loss, abs=1e-5)

        net = network(dropout=0.5)
        torch_rbm.fine_tune(
            net, data, labels, validation=(data, labels), callbacks=[Look()], **options(epochs=3)
        )
        assert seen == [True] * 3

    def test_early_stopping_keeps_the_best(self):
        data, labels = digits()
        wrong = torch.randint(2, labels.shape)
        net = network()
        states = []

        class Keep(torch_rbm.Callback):
            def on_epoch(self, module, epoch):
                states.append([p.detach().clone() for p in module.parameters()])

        history = torch_rbm.fine_tune(
            net,
            data,
            labels,
            validation=(data, wrong),
            patience=3,
            callbacks=[Keep()],
            **options(epochs=200, optimizer=fast),
        )
        assert history.stopped_early
        errors = [epoch.validation_error for epoch in history.epochs]
        assert errors[history.best_epoch - 1] == min(errors)
        best = states[history.best_epoch - 1]
        assert all(a.equal(b) for a, b in zip(net.parameters(), best, strict=True))

    def test_logs(self, tmp_path):
        data, labels = digits()
        log = torch_rbm.CSVLog(tmp_path / "log.csv")
        torch_rbm.fine_tune(
            network(), data, labels, validation=(data, labels), callbacks=[log], **options(epochs=3)
        )
        with (tmp_path / "log.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["1", "2", "3"]
        assert all(0 <= float(row["validation_error"]) <= 1 for row in rows)

    def test_weights_decay_and_biases_do_not(self):
        net = nn.Linear(12, 2)
        with torch.no_grad():
            net.weight.fill_(1.0)
            net.bias.fill_(1.0)
        data = torch.zeros(20, 12)
        torch_rbm.fine_tune(
            net,
            data,
            torch.ones(20, 2),
            weight_decay=0.5,
            optimizer=functools.partial(torch.optim.SGD, lr=0.1),
            **options(epochs=5),
        )
        assert (net.weight < 0.95).all()
        assert (net.bias == 1).all()

    def test_goes_on_bit_for_bit_with_dropout(self, tmp_path):
        data, labels = digits()

        def trained(stop_at, checkpoint, generator):
            class Stop(torch_rbm.Callback):
                def on_epoch(self, module, epoch):
                    if epoch.epoch == stop_at:
                        raise KeyboardInterrupt

            net = network(dropout=0.5)
            torch.manual_seed(5)
            torch_rbm.fine_tune(
                net,
                data,
                labels,
                callbacks=[Stop()],
                checkpoint=checkpoint,
                checkpoint_seconds=0,
                generator=generator,
                average=0.3,
                **options(epochs=6),
            )
            return list(net.parameters())

        for name, make in [("a", lambda: None), ("b", lambda: torch.Generator().manual_seed(1))]:
            whole = trained(0, None, make())
            path = tmp_path / name
            with pytest.raises(KeyboardInterrupt):
                trained(3, path, make())
            torch.rand(7)
            again = trained(0, path, make())
            assert all(a.equal(b) for a, b in zip(whole, again, strict=True))

    def test_another_loss_of_the_targets_is_another_training(self, tmp_path):
        data, labels = digits()
        path = tmp_path / "run.pt"
        torch_rbm.fine_tune(network(), data, labels, checkpoint=path, **options(epochs=1))
        with pytest.raises(ValueError, match="target_loss None, not multi_margin_loss"):
            torch_rbm.fine_tune(
                network(),
                data,
                labels,
                loss=nn.functional.multi_margin_loss,
                checkpoint=path,
                **options(epochs=1),
            )

    def test_a_checkpoint_of_another_network(self, tmp_path):
        data, labels = digits()
        path = tmp_path / "net.pt"
        torch_rbm.fine_tune(network(), data, labels, checkpoint=path, **options(epochs=1))
        with pytest.raises(ValueError, match=r"fine_tune: expected the checkpoint .* to be of"):
            torch_rbm.fine_tune(network(3), data, labels, checkpoint=path, **options(epochs=1))
        with pytest.raises(ValueError, match=r"load: expected .* the checkpoint of a Sequential"):
            torch_rbm.load(path)


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "more", "error", "message"),
        [
            ((3, *digits()), {}, TypeError, "expected module to be a torch module, got int 3"),
            ((nn.ReLU(), *digits()), {}, ValueError, "expected a module with parameters"),
            ((network(), digits()[0], torch.zeros(3)), {}, ValueError, "targets of 300 cases"),
            ((network(), *digits()), {"patience": 2}, ValueError, "expected validation data"),
            ((network(), *digits()), {"validation": 3}, TypeError, "validation to be tensors"),
            (
                (network(), *digits()),
                {"validation": (torch.zeros(3, 12), torch.zeros(2))},
                ValueError,
                "a target for each case",
            ),
            ((network(), *digits()), {"average": 2}, ValueError, r"average in \[0, 1\]"),
            (
                (network(), *digits()),
                {"validation": digits()[0]},
                TypeError,
                "validation to be inputs and targets",
            ),
            (
                (network(), digits()[0], digits()[1] + 7),
                {},
                ValueError,
                "classes from 0 to 1, got 7 to 8",
            ),
            (
                (network(), digits()[0], digits()[1].float()),
                {},
                ValueError,
                r"whole numbers \[20\], or real values \[20, 2\].*, got float32 \[20\]",
            ),
            (
                (torch_rbm.DBN([12, 4]).regressor(1), digits()[0], digits()[0][:, 0]),
                {},
                ValueError,
                r"real values \[20, 1\].*, got float32 \[20\]",
            ),
            (
                (network(), digits()[0], digits()[1] == 1),
                {},
                ValueError,
                r"got bool \[20\]",
            ),
        ],
    )
    def test_that_do_not_fit(self, arguments, more, error, message):
        with pytest.raises(error, match=f"fine_tune: .*{message}"):
            torch_rbm.fine_tune(*arguments, **options(**more))

    def test_a_training_that_diverges_changes_nothing(self):
        net = network()
        before = [p.detach().clone() for p in net.parameters()]
        with pytest.raises(FloatingPointError, match="fine_tune: training diverged in epoch"):
            torch_rbm.fine_tune(
                net,
                torch.full((20, 12), 1e30),
                torch.ones(20, 2),
                optimizer=functools.partial(torch.optim.SGD, lr=1e30),
                **options(),
            )
        assert all(a.equal(b) for a, b in zip(net.parameters(), before, strict=True))
