"""The up-down algorithm, against its rules written out and what it is meant to reach."""

import functools

import pytest
import torch
from torch import nn

import torch_rbm
from tests.belief_nets import distribution, strong
from torch_rbm.dbn.probability import log_generation, log_recognition


def net(classes=3):
    return strong([6, 5, 4, 3], classes=classes, tied=False)


def data_and_labels(rows=50):
    torch.manual_seed(1)
    return torch.randint(2, (rows, 6)).double(), torch.randint(3, (rows,))


class TestGradients:
    """Each by the delta rules of Hinton, Osindero and Teh (2006), appendix B."""

    def states(self, dbn, data, labels, generator, steps, mean_visible):
        """The states that the loss draws, by the same random numbers."""
        first, second, top = dbn.layers
        with torch.no_grad():
            up = [data, first.sample_hidden(data, generator)]
            up.append(second.sample_hidden(up[1], generator))
            joint = up[2] if labels is None else top.joint(up[2], labels)
            estimate = torch_rbm.ContrastiveDivergence(top, steps).estimate(joint, generator)
            down = [estimate.chain[:, :4]]
            down.append(second.sample_visible(down[0], generator))
            last = first.visible_mean if mean_visible else first.sample_visible
            down.append(last(down[1], *([] if mean_visible else [generator])))
        return up, estimate, down[::-1]

    @pytest.mark.parametrize("classes", [0, 3])
    @pytest.mark.parametrize("mean_visible", [False, True])
    def test_follow_the_rules(self, classes, mean_visible):
        dbn = net(classes)
        data, labels = data_and_labels()
        labels = labels if classes else None
        loss = torch_rbm.UpDown(
            dbn,
            functools.partial(torch_rbm.ContrastiveDivergence, steps=3),
            mean_visible=mean_visible,
        )
        loss(data, torch.Generator().manual_seed(7), labels).backward()
        generator = torch.Generator().manual_seed(7)
        up, estimate, down = self.states(dbn, data, labels, generator, 3, mean_visible)
        for i, layer in enumerate(dbn.layers[:-1]):
            wake = (layer.visible_mean(up[i + 1]) - up[i]).detach()
            sleep = (layer.hidden_mean(down[i]) - down[i + 1]).detach()
            for gradient, expected in [
                (layer.generative_weight.grad, up[i + 1].T @ wake / 50),
                (layer.visible_bias.grad, wake.mean(0)),
                (layer.weight.grad, sleep.T @ down[i] / 50),
                (layer.hidden_bias.grad, sleep.mean(0)),
            ]:
                torch.testing.assert_close(gradient, expected)
        top = dbn.layers[-1]
        for parameter, expected in zip(
            (top.weight, top.visible_bias, top.hidden_bias), estimate.gradients, strict=True
        ):
            torch.testing.assert_close(parameter.grad, expected)

    def test_the_value_is_the_sum_of_three_losses(self):
        dbn = net(0)
        data, _ = data_and_labels()
        value = torch_rbm.UpDown(dbn)(data, torch.Generator().manual_seed(7))
        up, estimate, down = self.states(
            dbn, data, None, torch.Generator().manual_seed(7), 1, False
        )
        expected = estimate.loss
        cross_entropy = functools.partial(nn.functional.binary_cross_entropy, reduction="sum")
        for i, layer in enumerate(dbn.layers[:-1]):
            expected = expected + cross_entropy(layer.visible_mean(up[i + 1]), up[i]) / 50
            expected = expected + cross_entropy(layer.hidden_mean(down[i]), down[i + 1]) / 50
        torch.testing.assert_close(value, expected)

    @pytest.mark.parametrize("grey", [False, True])
    def test_the_discriminative_share_is_that_of_the_label_given_the_data(self, grey):
        """Or given the means that the data were drawn from, where these are known."""
        data, labels = data_and_labels()
        means = 0.8 * data + 0.1 if grey else None

        def gradients(share):
            dbn = net()
            loss = torch_rbm.UpDown(dbn, discriminative=share)
            value = loss(data, torch.Generator().manual_seed(7), labels, means)
            value.backward()
            return dbn, value.detach(), [p.grad for p in dbn.parameters()]

        dbn, plain, without = gradients(0.0)
        _, hybrid, mixed = gradients(2.0)
        first, second, top = dbn.layers
        seen = data if means is None else means
        features = torch.sigmoid(nn.functional.linear(seen, first.weight, first.hidden_bias))
        features = torch.sigmoid(nn.functional.linear(features, second.weight, second.hidden_bias))
        fields = nn.functional.linear(features, top.weight[:, :4], top.hidden_bias)
        fields = fields.unsqueeze(1) + top.weight[:, 4:].T  # [cases, classes, top]
        minus_free_energy = top.visible_bias[4:] + nn.functional.softplus(fields).sum(-1)
        expected = 2 * nn.functional.cross_entropy(minus_free_energy, labels)
        torch.testing.assert_close(hybrid - plain, expected.detach())
        dbn.zero_grad()
        expected.backward()
        for parameter, a, b in zip(dbn.parameters(), without, mixed, strict=True):
            share = torch.zeros_like(a) if parameter.grad is None else parameter.grad
            torch.testing.assert_close(b - a, share)

    def test_dropout_leaves_out_what_the_mean_keeps(self):
        """With weights so small that the pass is linear, the mean share is that without dropout."""
        data, labels = data_and_labels(5000)
        dbn = net()
        for parameter in dbn.parameters():
            parameter.data.mul_(0.1)

        def value(loss):
            return loss(data, torch.Generator().manual_seed(7), labels).detach()

        plain = value(torch_rbm.UpDown(dbn))
        share = value(torch_rbm.UpDown(dbn, discriminative=1.0)) - plain
        loss = torch_rbm.UpDown(dbn, discriminative=1.0, dropout=0.5)
        noisy = value(loss) - plain
        assert 1e-6 < abs(noisy - share) < 1e-3
        torch.testing.assert_close(value(loss.eval()) - plain, share)

    def test_of_real_data_by_finite_differences(self):
        """Gaussian visible units with their precisions: wake and sleep with states held fixed."""
        torch.manual_seed(2)
        layer = torch_rbm.BeliefLayer(
            torch_rbm.RBM(5, 4, visible_units="gaussian", learn_precision=True, dtype=torch.float64)
        )
        v, h = torch.randn(7, 5, dtype=torch.float64), torch.randint(2, (7, 4)).double()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.normal_(std=0.5)
        field = h @ layer.generative_weight + layer.visible_bias
        precision = layer.visible_log_precision.exp()
        normal = torch.distributions.Normal(field / precision, precision.rsqrt())
        torch.testing.assert_close(log_generation(layer, v, h), normal.log_prob(v).sum(1))
        bernoulli = torch.distributions.Bernoulli(layer.hidden_mean(v))
        torch.testing.assert_close(log_recognition(layer, v, h), bernoulli.log_prob(h).sum(1))
        down = [layer.generative_weight, layer.visible_bias, layer.visible_log_precision]
        assert torch.autograd.gradcheck(lambda *_: log_generation(layer, v, h), down)
        up = [layer.weight, layer.hidden_bias]
        assert torch.autograd.gradcheck(lambda *_: log_recognition(layer, v, h), up)


class TestTraining:
    def test_raises_the_likelihood_and_keeps_the_classes(self, patterns):
        """The likelihood of the whole net, by enumeration, after a poor pretraining."""
        data, labels = patterns
        torch.manual_seed(3)
        dbn = torch_rbm.DBN([12, 8, 6], classes=2)
        dbn.pretrain(data, labels=labels, epochs=8, batch_size=20, progress=False)
        free = dbn.untied()
        numbers = (data.long() << torch.arange(12)).sum(1)

        def log_likelihood(net):
            return distribution(net)[numbers].log().mean().item()

        before = log_likelihood(free.double())
        history = torch_rbm.fit_up_down(
            free.float(),
            data,
            labels,
            epochs=100,
            batch_size=20,
            top=functools.partial(torch_rbm.ContrastiveDivergence, steps=3),
            optimizer=functools.partial(torch.optim.SGD, lr=0.2),
            validation=(data, labels),
            progress=False,
        )
        after = log_likelihood(free.double())
        # The entropy of the patterns is 3.07 nats; independent units have 8.3.
        assert before < -7
        assert after > -3.6
        assert history.epochs[-1].validation_error < 0.03
        assert len(history.epochs) == 100

    def test_a_discriminative_share_finds_what_hardly_matters_for_the_likelihood(self):
        data = torch.randint(2, (400, 12), generator=torch.Generator().manual_seed(1)).float()
        labels = data[:, 0].long()
        errors = []
        for share in (0.0, 10.0):
            torch.manual_seed(3)
            dbn = torch_rbm.DBN([12, 16, 16], classes=2, tied=False)
            history = torch_rbm.fit_up_down(
                dbn,
                data,
                labels,
                epochs=40,
                batch_size=20,
                discriminative=share,
                optimizer=functools.partial(torch.optim.Adam, lr=0.02),
                validation=(data, labels),
                progress=False,
            )
            errors.append(history.epochs[-1].validation_error)
        assert errors[0] > 0.3
        assert errors[1] < 0.05

    def test_goes_on_where_it_was_stopped(self, patterns, tmp_path):
        data, labels = patterns

        def trained(stop_after, checkpoint):
            class Stop(torch_rbm.Callback):
                def on_epoch(self, module, epoch):
                    if epoch.epoch == stop_after:
                        raise KeyboardInterrupt

            torch.manual_seed(4)
            dbn = torch_rbm.DBN([12, 5, 4], classes=2, tied=False)
            torch_rbm.fit_up_down(
                dbn,
                data,
                labels,
                epochs=4,
                top=functools.partial(torch_rbm.PersistentContrastiveDivergence, chains=7),
                callbacks=[Stop()],
                checkpoint=checkpoint,
                checkpoint_seconds=0,
                progress=False,
            )
            return dbn

        whole = trained(0, tmp_path / "a.pt")
        with pytest.raises(KeyboardInterrupt):
            trained(2, tmp_path / "b.pt")
        again = trained(0, tmp_path / "b.pt")
        assert all(a.equal(b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))

    def test_a_generator_fixes_it(self, patterns):
        data, _ = patterns
        results = []
        for noise in range(2):
            dbn = strong([12, 5, 4], tied=False).float()
            torch.rand(noise + 1)
            torch_rbm.fit_up_down(
                dbn,
                data,
                epochs=2,
                binarize=True,
                generator=torch.Generator().manual_seed(1),
                progress=False,
            )
            results.append(list(dbn.parameters()))
        assert all(a.equal(b) for a, b in zip(*results, strict=True))


class TestArguments:
    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (lambda: torch_rbm.UpDown(3), TypeError, r"UpDown: expected a torch_rbm\.DBN"),
            (
                lambda: torch_rbm.UpDown(torch_rbm.DBN([4, 3, 2])),
                ValueError,
                "expected a net with untied weights",
            ),
            (
                lambda: torch_rbm.UpDown(net(), torch_rbm.ExactLikelihood),
                TypeError,
                "a loss with chains for the top",
            ),
            (
                lambda: torch_rbm.UpDown(net(), discriminative=-1.0),
                ValueError,
                "expected discriminative >= 0, got -1",
            ),
            (
                lambda: torch_rbm.UpDown(net(), dropout=1.0),
                ValueError,
                r"UpDown: expected dropout in \[0, 1\), got 1",
            ),
            (
                lambda: torch_rbm.UpDown(net(0), discriminative=1.0),
                ValueError,
                "expected discriminative=0 for a net without classes",
            ),
            (
                lambda: torch_rbm.UpDown(net())(data_and_labels()[0]),
                ValueError,
                "expected labels of 3 classes, got none",
            ),
            (
                lambda: torch_rbm.fit_up_down(net(), data_and_labels()[0]),
                ValueError,
                "fit_up_down: expected labels of 3 classes, got none",
            ),
            (
                lambda: torch_rbm.fit_up_down(net(0), *data_and_labels()),
                ValueError,
                "fit_up_down: expected no labels, got some",
            ),
            (
                lambda: torch_rbm.fit_up_down(
                    net(0), data_and_labels()[0], validation=data_and_labels()
                ),
                ValueError,
                "validation data only for a net with classes",
            ),
        ],
    )
    def test_that_do_not_fit(self, make, error, message):
        with pytest.raises(error, match=message):
            make()
