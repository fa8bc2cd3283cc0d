"""Ordinary networks made of deep belief nets."""

import pytest
import torch
from torch import nn

import torch_rbm
from tests.belief_nets import nets, strong
from tests.enumeration import all_states


def test_classifier_is_an_ordinary_sequential_that_starts_from_the_net():
    dbn = torch_rbm.DBN([6, 5, 4])
    net = dbn.classifier(3)
    assert [type(m) for m in net] == [nn.Linear, nn.Sigmoid, nn.Linear, nn.Sigmoid, nn.Linear]
    v = torch.rand(7, 6)
    torch.testing.assert_close(net[:4](v), dbn(v))
    net(v).sum().backward()
    assert all(p.grad is None for p in dbn.parameters())
    assert net[0].weight.data_ptr() != dbn.layers[0].weight.data_ptr()


class TestNetworks:
    def test_untied_weights_start_tied_and_are_free(self):
        dbn = strong([5, 4, 3], classes=2)
        free = dbn.untied()
        v = all_states(5)
        torch.testing.assert_close(free(v), dbn(v))
        h = all_states(4)
        torch.testing.assert_close(free.layers[0].visible_mean(h), dbn.layers[0].visible_mean(h))
        with torch.no_grad():
            free.layers[0].generative_weight.zero_()
        torch.testing.assert_close(free(v), dbn(v))
        assert (free.layers[0].visible_mean(h) - dbn.layers[0].visible_mean(h)).abs().max() > 0.1
        again = free.untied()
        assert again.layers[0].generative_weight.equal(free.layers[0].generative_weight)

    @nets
    def test_files_and_scripts(self, options, tmp_path):
        dbn = strong([5, 4, 3], units=["gaussian", "bernoulli", "spin"], **options)
        for name in ("net.pt", "net", "net.safetensors"):
            torch_rbm.save(dbn, tmp_path / name)
            loaded = torch_rbm.load(tmp_path / name)
            assert repr(loaded) == repr(dbn)
        torch.jit.script(dbn).save(tmp_path / "script.pt")
        scripted = torch.jit.load(tmp_path / "script.pt")
        v = torch.randn(7, 5, dtype=torch.float64)
        label = torch.tensor([0, 1]) if dbn.classes else None
        expected = dbn.sample(2, 5, generator=torch.Generator().manual_seed(1), label=label)
        for other in (loaded, scripted):
            assert other(v).equal(dbn(v))
            generator = torch.Generator().manual_seed(1)
            assert other.sample(2, 5, generator=generator, label=label).equal(expected)

    def test_an_autoencoder_is_the_net_up_and_down(self):
        dbn = strong([5, 4, 3, 2], units=["bernoulli", "bernoulli", "spin", "gaussian"])
        net = dbn.autoencoder()
        v = all_states(5)
        code = dbn(v)
        torch.testing.assert_close(net.encoder(v), code)
        means = code
        for layer in reversed(dbn.layers):
            means = layer.visible_mean(means)
        torch.testing.assert_close(net(v), means)
        net(v).sum().backward()
        assert net.encoder[0].weight.grad is not None
        assert all(parameter.grad is None for parameter in dbn.parameters())
        weights = [m.weight for m in [*net.encoder, *net.decoder] if isinstance(m, nn.Linear)]
        assert len({weight.data_ptr() for weight in weights}) == 6

    def test_learned_precisions_are_in_the_decoder(self):
        dbn = torch_rbm.DBN([5, 4], units=["gaussian", "bernoulli"], dtype=torch.float64)
        dbn.layers = nn.ModuleList(
            [torch_rbm.RBM(5, 4, visible_units="gaussian", learn_precision=True).double()]
        )
        with torch.no_grad():
            for parameter in dbn.parameters():
                parameter.normal_()
        h = all_states(4)
        torch.testing.assert_close(dbn.autoencoder().decoder(h), dbn.layers[0].visible_mean(h))

    @pytest.mark.parametrize(
        ("units", "kind"),
        [("bernoulli", nn.Sigmoid), ("spin", nn.Tanh), ("relu", nn.ReLU)],
    )
    def test_activations_are_the_means_of_the_units(self, units, kind):
        dbn = strong([5, 4], units=["bernoulli", units])
        net = dbn.classifier(3, dropout=0.5)
        assert [type(m) for m in net] == [nn.Linear, kind, nn.Dropout, nn.Linear]
        v = all_states(5)
        if units != "relu":  # whose mean is that of a truncated normal
            torch.testing.assert_close(net[:2](v), dbn(v))
        regressor = strong([5, 4], units=["bernoulli", "categorical(2)"]).regressor(2)
        torch.testing.assert_close(
            regressor[:-1](v), strong([5, 4], units=["bernoulli", "categorical(2)"])(v)
        )
        assert regressor(v).equal(torch.zeros(32, 2, dtype=torch.float64))

    def test_networks_that_cannot_be_made(self):
        with pytest.raises(ValueError, match="without classes"):
            torch_rbm.DBN([5, 4], classes=2).classifier(2)
        with pytest.raises(ValueError, match=r"dropout in \[0, 1\), got 1"):
            torch_rbm.DBN([5, 4]).classifier(2, dropout=1.0)
        with pytest.raises(TypeError, match="dropout to be a number, got list"):
            torch_rbm.DBN([5, 4]).classifier(2, dropout=[0.1])
        mixed = torch_rbm.DBN([5, 4], units=["bernoulli", "gaussian:2, spin:2"])
        with pytest.raises(ValueError, match="units of one type"):
            mixed.regressor(1)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"units": ["gaussian"]}, "units for each of 2 layers, got 1"),
            ({"classes": -1}, "classes >= 0"),
            ({"classes": 1}, "classes >= 2"),
        ],
    )
    def test_nets_that_cannot_be_made(self, options, message):
        with pytest.raises(ValueError, match=message):
            torch_rbm.DBN([5, 4], **options)
