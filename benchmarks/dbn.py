"""Deep belief nets on MNIST: classification, reconstruction, generation.

    TORCH_RBM_DATA=... python benchmarks/dbn.py classifier     # 784-500-500-2000-10, 3 seeds
    TORCH_RBM_DATA=... python benchmarks/dbn.py labels         # the same with fewer labels
    TORCH_RBM_DATA=... python benchmarks/dbn.py autoencoder    # 784-1000-500-250-30
    TORCH_RBM_DATA=... python benchmarks/dbn.py generative     # labels at the top, up-down

No picture is moved, turned or stretched: the nets do not know that pixels lie in a plane. Prints
lines of JSON, and appends them to --output; pictures go to the same folder.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from cases import mnist_digits, mnist_pictures
from mnist import binary_test_pictures
from reporting import peak_memory_gb, report
from torch import Tensor, nn

import torch_rbm
from torch_rbm.plotting import save_samples

SIZES = [784, 500, 500, 2000]
PCD = partial(torch_rbm.PersistentContrastiveDivergence, centered=True)


def error(net: Callable[[Tensor], Tensor], pixels: Tensor, digits: Tensor) -> float:
    """The share of digits that get the wrong class."""
    with torch.no_grad():
        predicted = torch.cat([net(part).argmax(1) for part in torch.split(pixels, 1000)])
    return (predicted != digits).double().mean().item()


def report_run(output: Path, started: float, **figures: object) -> None:
    """Print and keep figures, and what it took to get them."""
    report(
        output,
        **figures,
        minutes=(time.perf_counter() - started) / 60,
        peak_memory_gb=peak_memory_gb(),
        threads=torch.get_num_threads(),
    )


def pretrained(seed: int, epochs: int, pixels: Tensor) -> torch_rbm.DBN:
    torch.manual_seed(seed)
    dbn = torch_rbm.DBN(SIZES)
    torch_rbm.initialize(dbn.layers[0], pixels)
    dbn.pretrain(pixels, epochs=epochs, loss=PCD, binarize=True)
    return dbn


def fine_tuned(
    net: nn.Sequential, pixels: Tensor, digits: Tensor, epochs: int, rate: float, noise: float
) -> nn.Sequential:
    """The classifier after backpropagation, with some of the pixels left out, too."""
    noisy = nn.Sequential(nn.Dropout(noise), *net)
    torch_rbm.fine_tune(
        noisy,
        pixels,
        digits,
        epochs=epochs,
        optimizer=partial(torch.optim.Adam, lr=rate, fused=True),
        average=0.1,
    )
    return net.eval()


def pretrained_start(seed: int, options: argparse.Namespace, pixels: Tensor) -> nn.Sequential:
    dbn = pretrained(seed, options.pretraining, pixels)
    return dbn.classifier(10, dropout=options.dropout)


def random_start(seed: int, options: argparse.Namespace, _: Tensor) -> nn.Sequential:
    """A net of the same form with PyTorch's own first weights for sigmoid units (Glorot)."""
    torch.manual_seed(seed)
    net = torch_rbm.DBN(SIZES).classifier(10, dropout=options.dropout)
    for module in net:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return net


def classifier(options: argparse.Namespace) -> None:
    pixels, digits = mnist_pictures("train"), mnist_digits("train")
    test = mnist_pictures("t10k"), mnist_digits("t10k")
    tune = partial(
        fine_tuned,
        pixels=pixels,
        digits=digits,
        epochs=options.epochs,
        rate=options.rate,
        noise=options.noise,
    )
    starts = {"pretrained": pretrained_start, "random": random_start}
    errors: dict[str, list[float]] = {start: [] for start in options.starts}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for start in options.starts:
            started = time.perf_counter()
            net = tune(starts[start](seed, options, pixels))
            errors[start].append(error(net, *test))
            report_run(
                options.output,
                started,
                figure=f"784-500-500-2000-10, {start}",
                seed=seed,
                test_error=errors[start][-1],
            )
    for start, values in errors.items():
        report(
            options.output,
            figure=f"784-500-500-2000-10, {start}, mean of {len(values)} seeds",
            test_error=statistics.mean(values),
            worst=max(values),
        )


def labels(options: argparse.Namespace) -> None:
    """Pretrained on all pictures, fine-tuned with the labels of the first ones of each digit."""
    pixels, digits = mnist_pictures("train"), mnist_digits("train")
    test = mnist_pictures("t10k"), mnist_digits("t10k")
    dbn = pretrained(options.first_seed, options.pretraining, pixels)
    for count in (100, 1000, 10_000):
        torch.manual_seed(options.first_seed)
        order = torch.randperm(len(digits))
        chosen = torch.cat([order[digits[order] == k][: count // 10] for k in range(10)])
        epochs = max(options.epochs, 20_000 // count)
        starts = {
            "pretrained": dbn.classifier(10, dropout=options.dropout),
            "random": random_start(options.first_seed, options, pixels),
        }
        for name, net in starts.items():
            started = time.perf_counter()
            rate, noise = options.rate, options.noise
            tuned = fine_tuned(net, pixels[chosen], digits[chosen], epochs, rate, noise)
            report_run(
                options.output,
                started,
                figure=f"{count} labels, {name}",
                test_accuracy=1 - error(tuned, *test),
            )


def autoencoder(options: argparse.Namespace) -> None:
    from sklearn.decomposition import PCA

    pixels, test = mnist_pictures("train"), mnist_pictures("t10k")

    def squared_error(reconstruction: Tensor) -> float:
        return (reconstruction - test).double().square().sum(1).mean().item()

    started = time.perf_counter()
    pca = PCA(30, random_state=0).fit(pixels.numpy())
    by_pca = torch.from_numpy(pca.inverse_transform(pca.transform(test.numpy()))).float()
    report_run(
        options.output,
        started,
        figure="PCA, 30 components",
        squared_error=squared_error(by_pca),
    )
    started = time.perf_counter()
    torch.manual_seed(options.first_seed)
    dbn = torch_rbm.DBN([784, 1000, 500, 250, 30], units=["bernoulli"] * 4 + ["gaussian"])
    torch_rbm.initialize(dbn.layers[0], pixels)
    dbn.pretrain(pixels, epochs=options.pretraining, loss=PCD, binarize=True)
    net = dbn.autoencoder()
    torch_rbm.fine_tune(
        net,
        pixels,
        epochs=options.epochs,
        loss=nn.functional.binary_cross_entropy
        if options.cross_entropy
        else nn.functional.mse_loss,
        optimizer=partial(torch.optim.Adam, lr=options.rate, fused=True),
        average=0.1,
    )
    with torch.no_grad():
        by_net = net(test)
    report_run(
        options.output,
        started,
        figure="784-1000-500-250-30 autoencoder",
        squared_error=squared_error(by_net),
    )
    shown = torch.cat([rows[:15] for rows in (test, by_net, by_pca.clamp(0, 1))])
    path = options.output.with_name("reconstructions.png")
    save_samples(shown, path, columns=15)
    print(f"{path}: digits, the autoencoder's and PCA's reconstructions")


def generative(options: argparse.Namespace) -> None:
    pixels, digits = mnist_pictures("train"), mnist_digits("train")
    test, test_digits = mnist_pictures("t10k"), mnist_digits("t10k")
    started = time.perf_counter()
    torch.manual_seed(options.first_seed)
    dbn = torch_rbm.DBN(SIZES, classes=10)
    torch_rbm.initialize(dbn.layers[0], pixels)
    dbn.pretrain(pixels, labels=digits, epochs=options.pretraining, loss=PCD, binarize=True)
    report_run(
        options.output,
        started,
        figure="labels at the top, pretrained",
        test_error=error(dbn, test, test_digits),
    )
    net = dbn.untied()
    # Chains that go on from update to update: started at the data, as in the paper, the top RBM
    # recognises digits as well, but what it draws after a thousand steps is no digit.
    torch_rbm.fit_up_down(
        net,
        pixels,
        digits,
        epochs=options.epochs,
        top=PCD,
        discriminative=options.discriminative,
        dropout=options.dropout,
        optimizer=partial(torch.optim.SGD, lr=options.rate),
        binarize=True,
    )
    report_run(
        options.output,
        started,
        figure="labels at the top, up-down",
        test_error=error(net, test, test_digits),
    )
    torch_rbm.save(net, options.output.with_suffix(".pt"))
    classes = torch.arange(10).repeat_interleave(12)
    samples = net.sample(len(classes), 1000, mean_visible=True, label=classes)
    path = options.output.with_name("digits_by_class.png")
    save_samples(samples.detach(), path, columns=12)
    print(f"{path}: a row for each digit")
    pictures = binary_test_pictures()
    estimates = {
        "the first RBM alone: log p(v)": torch_rbm.log_likelihood(dbn.layers[0], pictures),
        "pretrained: lower bound on log p(v)": torch_rbm.lower_bound(dbn, pictures, samples=5),
        "up-down: lower bound on log p(v)": torch_rbm.lower_bound(net, pictures, samples=5),
    }
    for figure, estimate in estimates.items():
        report(
            options.output,
            figure=f"labels at the top, {figure}",
            value=estimate.value,
            error=estimate.error,
            lower=estimate.lower,
            upper=estimate.upper,
            effective_sample_size=estimate.ess,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tasks = {
        "classifier": classifier,
        "labels": labels,
        "autoencoder": autoencoder,
        "generative": generative,
    }
    parser.add_argument("task", choices=tasks)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--pretraining", type=int, default=20, help="epochs for each layer")
    parser.add_argument("--epochs", type=int, help="of fine-tuning; 60, 90 for generative")
    parser.add_argument(
        "--rate", type=float, help="at first; 0.05 for generative (SGD), 0.001 for others (Adam)"
    )
    parser.add_argument("--dropout", type=float, default=0.25, help="of hidden units")
    parser.add_argument(
        "--discriminative", type=float, default=20.0, help="share in generative; 0 for none"
    )
    parser.add_argument("--noise", type=float, default=0.2, help="share of pixels left out")
    parser.add_argument(
        "--starts", nargs="+", choices=("pretrained", "random"), default=["pretrained"]
    )
    parser.add_argument("--cross-entropy", action="store_true", help="loss of the autoencoder")
    parser.add_argument("--output", type=Path, default=Path("dbn.json"))
    options = parser.parse_args()
    generates = options.task == "generative"
    if options.rate is None:
        options.rate = 0.05 if generates else 1e-3
    if options.epochs is None:
        options.epochs = 90 if generates else 60
    tasks[options.task](options)


if __name__ == "__main__":
    main()
