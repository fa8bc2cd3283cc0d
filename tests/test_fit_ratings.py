"""Training a RatingsRBM."""

import functools

import pytest
import torch

import torch_rbm
from tests.rating_world import generator, predicted_by
from torch_rbm.ratings import (
    Ratings,
    fit_ratings,
)


class TestFitRatings:
    def model(self, split):
        train, _, _ = split
        rbm = torch_rbm.RatingsRBM(200, 10, 6)
        rbm.reset_parameters(generator())
        rbm.initialize(train.by_item())
        return rbm

    def test_validation_is_predicted_from_the_training_ratings(self, split):
        train, test, _ = split
        rbm = self.model(split)
        history = fit_ratings(
            rbm,
            train.by_item(),
            epochs=60,
            batch_size=30,
            scale=train.scale.tolist(),
            validation=test.by_item(),
            generator=generator(),
            progress=False,
        )
        errors = [epoch.validation_rmse for epoch in history.epochs]
        assert errors[-1] < errors[0] - 0.05
        rmse, nll = predicted_by(rbm, train, test)
        assert errors[-1] == pytest.approx(rmse)
        assert history.epochs[-1].validation_nll == pytest.approx(nll)

    def test_it_goes_on_bit_for_bit(self, split, tmp_path):
        train, _, _ = split

        class Stop(torch_rbm.Callback):
            def on_epoch(self, module, epoch):
                if epoch.epoch == 3:
                    raise KeyboardInterrupt

        def run(callbacks, checkpoint):
            rbm = self.model(split)
            fit_ratings(
                rbm,
                train.by_item(),
                epochs=6,
                batch_size=50,
                steps={1: 1, 3: 2, 5: 3},
                callbacks=callbacks,
                checkpoint=checkpoint,
                checkpoint_seconds=0,
                generator=generator(),
                progress=False,
            )
            return list(rbm.parameters())

        whole = run([], None)
        with pytest.raises(KeyboardInterrupt):
            run([Stop()], tmp_path / "run.pt")
        again = run([], tmp_path / "run.pt")
        assert all(a.equal(b) for a, b in zip(whole, again, strict=True))

    def test_the_schedule_of_steps(self, split):
        train, _, _ = split
        seen = []

        class Loss(torch_rbm.RatingsContrastiveDivergence):
            def forward(self, ratings, generator=None):
                seen.append(self.steps)
                return super().forward(ratings, generator)

        fit_ratings(
            self.model(split),
            train.by_item(),
            epochs=5,
            batch_size=300,
            loss=Loss,
            steps={2: 3, 4: 5},
            progress=False,
        )
        assert seen == [1, 3, 3, 5, 5]

    def test_biases_do_not_decay(self, split):
        train, _, _ = split
        rbm = self.model(split)
        before = rbm.visible_bias.detach().clone()

        class Nothing(torch.nn.Module):
            def __init__(self, rbm):
                super().__init__()
                self.rbm = rbm

            def forward(self, ratings, generator=None):
                return sum((0 * p).sum() for p in self.rbm.parameters())

        fit_ratings(
            rbm,
            train.by_item(),
            epochs=3,
            loss=Nothing,
            weight_decay=0.5,
            optimizer=functools.partial(torch.optim.SGD, lr=0.5),
            progress=False,
        )
        assert rbm.visible_bias.equal(before)
        assert rbm.weight.abs().max() < 0.02

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"validation": Ratings(torch.zeros(3).long(), *2 * [torch.zeros(0).long()])},
                ValueError,
                "validation ratings of the same 300 cases, got 2",
            ),
            ({"scale": [1.0, 2.0]}, ValueError, "a rating for each of 10 levels"),
            ({"patience": 2}, ValueError, "validation data with patience"),
            ({"steps": {1: 0}}, ValueError, "steps >= 1, got 0"),
            ({"loss": 3}, TypeError, "loss to be a class or function"),
        ],
    )
    def test_bad_options(self, split, options, error, message):
        with pytest.raises(error, match=f"fit_ratings: expected .*{message}"):
            fit_ratings(self.model(split), split[0].by_item(), progress=False, **options)
