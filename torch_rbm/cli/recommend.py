"""torch-rbm recommend: from a file of ratings to titles."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from torch_rbm.cli.arguments import add_quiet, count
from torch_rbm.cli.command import Command
from torch_rbm.files import check_folder
from torch_rbm.ratings import (
    ImplicitRecommender,
    Popularity,
    Rater,
    RatingTable,
    Recommender,
    Scores,
    UserItemBiases,
    evaluate,
    load_recommender,
    random_split,
    read_titles,
    synthetic_ratings,
)
from torch_rbm.ratings.recommenders.recommendation import Choice, Recommendation

_MODEL = "recommender.pt"
_LIST = 10


def _fit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ratings",
        metavar="RATINGS",
        nargs="?",
        help="CSV file with a header such as userId,movieId,rating,timestamp; without it, ratings "
        "are made up",
    )
    parser.add_argument("--test", metavar="CSV", help="other ratings, to measure errors on")
    parser.add_argument("--titles", metavar="CSV", help="titles, header such as movieId,title")
    parser.add_argument("--out", default=_MODEL, metavar="MODEL", help="file for the recommender")
    parser.add_argument(
        "--choices",
        action="store_true",
        help="learn who chose what, such as clicks; ratings, if there are any, do not count",
    )
    parser.add_argument(
        "--orientation",
        choices=("items", "users", "both"),
        default="items",
        help="what the cases of the model are; both takes twice as long",
    )
    parser.add_argument("--hidden", type=count, default=100, help="number of hidden units")
    parser.add_argument("--epochs", type=count, help="passes over the data; 40, or 50 of choices")
    add_quiet(parser)


def _fit(options: argparse.Namespace) -> None:
    check_folder(options.out)
    test: RatingTable | None = None
    if options.ratings is None:
        print("no file of ratings was given: some are made up, 30,000 of 500 users and 300 items")
        everything, _ = synthetic_ratings(generator=torch.Generator().manual_seed(0))
        table, test = random_split(everything, 0.1, torch.Generator().manual_seed(1))
    else:
        table = RatingTable.read_csv(options.ratings, choices=options.choices)
    if options.test is not None:
        test = RatingTable.read_csv(options.test, choices=options.choices)
    titles = {} if options.titles is None else read_titles(options.titles)
    more = {} if options.epochs is None else {"epochs": options.epochs}
    common = {
        "hidden": options.hidden,
        "titles": titles,
        "progress": not options.quiet,
        **more,
    }
    # Before the training, as test ratings may turn out to be none.
    plain = None if test is None else _scores(_baseline(table, options.choices), test)
    recommender: Recommender | ImplicitRecommender
    if options.choices:
        recommender = ImplicitRecommender.fit(table, **common)
    else:
        recommender = Recommender.fit(table, orientation=options.orientation, **common)
    recommender.save(options.out)
    if test is None or plain is None:
        print("--test CSV with other ratings would say how good it is")
    else:
        _report(_scores(recommender, test), plain)
    if isinstance(recommender, Recommender):
        print(f"ratings: {', '.join(f'{rating:g}' for rating in recommender.scale.tolist())}")
    print(f"{recommender} in {options.out}")
    print(f"try: torch-rbm recommend for {recommender.users.values[0]} --model {options.out}")


def _baseline(table: RatingTable, choices: bool) -> Rater:
    return Popularity(table) if choices else UserItemBiases(table)


def _scores(rater: Rater, test: RatingTable) -> Scores:
    """Errors on ratings; of choices, which have none, the quality of lists."""
    return evaluate(rater, test, k=None if len(rater.scale) > 1 else _LIST)


def _report(scores: Scores, plain: Scores) -> None:
    """Print measures on test ratings, beside those of the baseline."""
    if scores.rmse is not None:
        print(f"test RMSE {scores.rmse:.4f}, {plain.rmse:.4f} by biases of users and items alone")
        print(f"test MAE {scores.mae:.4f}, {plain.mae:.4f}; NLL {scores.nll:.4f} nats a rating")
    else:
        print(
            f"in lists of {_LIST}: recall {scores.recall:.4f}, {plain.recall:.4f} by popularity; "
            f"NDCG {scores.ndcg:.4f}, {plain.ndcg:.4f}"
        )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", default=_MODEL, help="file that `torch-rbm recommend fit` has written"
    )


def _for_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "user",
        metavar="USER",
        nargs="?",
        help="a user of the training ratings; someone new if not given",
    )
    _add_model(parser)
    parser.add_argument("--n", type=count, default=_LIST, help="how many items")
    parser.add_argument(
        "--rated",
        metavar="ITEM=RATING",
        action="append",
        help="what someone new has rated, such as 318=4.5; of choices the item alone; again and "
        "again",
    )
    parser.add_argument(
        "--least",
        type=int,
        default=5,
        help="leave out items with fewer training ratings; choices do not need it",
    )


def _for(options: argparse.Namespace) -> None:
    recommender = load_recommender(options.model)
    if options.user is not None and options.rated:
        raise ValueError("expected a user or --rated for someone new, got both")
    rated = options.rated or []
    if isinstance(recommender, ImplicitRecommender):
        user = rated if options.user is None else options.user
        choices = recommender.recommend(user, options.n)
        _print_ranked([(f"{found.probability:6.1%}", found) for found in choices])
        return
    user = dict(_rating(text) for text in rated) if options.user is None else options.user
    items = recommender.recommend(user, options.n, least=options.least)
    _print_ranked([(f"{found.rating:.2f} ± {found.std:.2f}", found) for found in items])


def _print_ranked(lines: list[tuple[str, Recommendation | Choice]]) -> None:
    """Print a line for each item, the best first."""
    if not lines:
        print("no item is left that could be recommended", file=sys.stderr)
    for rank, (value, found) in enumerate(lines, 1):
        name = "" if found.title == str(found.item) else f"{found.item!s:>8}  "
        print(f"{rank:3}.  {value}   {name}{found.title}")


def _rating(text: str) -> tuple[str, float]:
    item, equals, rating = text.rpartition("=")
    try:
        if not equals:
            raise ValueError
        return item, float(rating)
    except ValueError:
        raise ValueError(f"expected --rated such as 318=4.5, got {text!r}") from None


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("test", metavar="RATINGS", help="CSV file of ratings not trained on")
    _add_model(parser)
    parser.add_argument("--k", type=count, default=_LIST, help="length of ranked lists")


def _evaluate(options: argparse.Namespace) -> None:
    recommender = load_recommender(options.model)
    choices = isinstance(recommender, ImplicitRecommender)
    test = RatingTable.read_csv(options.test, choices=choices)
    print(evaluate(recommender, test, k=options.k))


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help="TorchScript file")


def _export(options: argparse.Namespace) -> None:
    recommender = load_recommender(options.model)
    check_folder(options.out)
    if not isinstance(recommender, Recommender):
        raise ValueError(
            f"expected {options.model} to hold a recommender of ratings: one of choices runs in "
            "Python only"
        )
    recommender.export(options.out)
    print(f"TorchScript in {Path(options.out)}, for programs that load torch_rbm first")


RECOMMEND = Command(
    "recommend",
    "train on ratings and recommend items",
    "Train a recommender on a file of ratings, and ask it what a user may like.",
    subcommands=(
        Command(
            "fit",
            "train a recommender on a file of ratings",
            "Train a recommender on a file of ratings; settings are chosen by a tenth of them.",
            _fit_arguments,
            _fit,
        ),
        Command(
            "for",
            "print what a user may like",
            "Print the items that a user may like best of those that she has not rated.",
            _for_arguments,
            _for,
        ),
        Command(
            "evaluate",
            "measure a recommender on other ratings",
            "Print errors and the quality of ranked lists on ratings that were not trained on.",
            _evaluate_arguments,
            _evaluate,
        ),
        Command(
            "export",
            "write a recommender as TorchScript",
            "Write a recommender as TorchScript, to recommend without Python.",
            _export_arguments,
            _export,
        ),
    ),
)
