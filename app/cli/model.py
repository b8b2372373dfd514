"""The commands for trained nets: `model` writes them to a file, `predict` classifies examples with them."""

import json
import sys
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import (
    Data,
    DatabaseUrl,
    Home,
    Json,
    TrialArgument,
    configure,
    find_trial,
    is_trial_name,
    open_database,
)
from app.text.numbers import is_number
from learning.errors import Failure, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.usecases.model_file import Model
    from store.config import Config
    from store.read.trials import Trial

# Names under which a file may hold the examples and their labels; the first found counts.
EXAMPLE_NAMES = ("X", "x_test", "X_test", "x")
LABEL_NAMES = ("y", "y_test")


class ModelFormat(StrEnum):
    npz = "npz"
    safetensors = "safetensors"


Top = Annotated[
    int | None,
    typer.Option(
        min=2,
        max=20,
        help="Take the number for a sweep's, and so many of its best nets together.",
        show_default=False,
    ),
]


def model(
    trial: TrialArgument,
    top: Top = None,
    format: Annotated[
        ModelFormat,
        typer.Option(help="safetensors needs a package: pip install 'lossdeck[safetensors]'."),
    ] = ModelFormat.npz,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; sweep-SWEEP-trial-NUMBER.npz here by default.", show_default=False),
    ] = None,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a trial's best weights as a file.

    It holds the weights, the settings, the classes' names and the preprocessing; `lossdeck predict` takes it
    on any machine. With --top it holds the best nets of a sweep, whose probabilities are averaged: a line for
    each net with its val accuracy, and what the average gets.

    \b
    Examples:
      lossdeck model 1/8
      lossdeck model 1/8 --format safetensors --out winner.safetensors
      lossdeck model 3 --top 5
    """
    from app.usecases.model_file import file_name, to_bytes

    config = configure(home=home, data=data, database_url=database_url)
    if top is None:
        ((row, net),) = load_trial_models([trial], config)
        name, what = file_name(row, format), describe_model(row, net)
        content = to_bytes([net], format.value)
    else:
        nets = load_ensemble(parse_sweep_number(trial), top, config, print_accuracies=True)
        name, what = f"sweep-{trial}-top-{top}.{format}", f"the best {len(nets)} nets of sweep {trial}"
        content = to_bytes(nets, format.value)
    path = out or Path(name)
    path.write_bytes(content)
    print(f"Wrote {path}: {what}.", file=sys.stderr)


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="TRIAL|FILE",
            help="A trial as 1/8, #8 of sweep 1, or by its id; several with commas between; or a model file.",
        ),
    ],
    file: Annotated[Path, typer.Argument(help="An .npz file with X: an example a row, raw as in training.")],
    top: Top = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Classify new examples with a trial's weights.

    A line for each example: its class, and the probability of every class in the data set's order. Several
    nets say the mean of their probabilities. If the file has labels y too, the accuracy goes to stderr.

    \b
    Examples:
      lossdeck predict 1/8 new.npz
      lossdeck predict 1/8,1/31,2/5 new.npz --json
      lossdeck predict sweep-1-trial-8.npz new.npz
      lossdeck predict 3 new.npz --top 5
    """
    from app.usecases.prediction import predict_classes

    config = configure(home=home, database_url=database_url)
    rows, labels = read_examples(file)
    nets, whose = load_models(model, top, config)
    prediction = predict_classes(nets, rows)
    if whose:
        print(f"By {whose}.", file=sys.stderr)
    if labels is not None:
        right = prediction.probabilities.argmax(axis=1) == labels
        print(f"Accuracy {right.mean():.4f} on {len(labels):,} examples.", file=sys.stderr)
    results = zip(prediction.classes, prediction.probabilities.tolist(), strict=True)
    if as_json:
        print(
            json.dumps(
                [
                    {"class": name, "probabilities": dict(zip(prediction.names, row, strict=True))}
                    for name, row in results
                ]
            )
        )
        return
    for name, row in results:
        print(name, *(f"{probability:.6f}" for probability in row))


def load_models(which: str, top: int | None, config: "Config") -> "tuple[Sequence[Model], str]":
    """The nets that an argument names: trials, the best of a sweep, or a file.

    Also a text that names the trials, or an empty one. Raises Failure, WrongUsage.
    """
    from app.usecases.model_file import read

    if top is not None:
        return load_ensemble(parse_sweep_number(which), top, config, print_accuracies=False), ""
    names = which.split(",")
    if not all(map(is_trial_name, names)):
        return read(Path(which)), ""
    models = load_trial_models(names, config)
    return [net for _, net in models], "; ".join(describe_model(row, net) for row, net in models)


def load_trial_models(names: "Sequence[str]", config: "Config") -> "list[tuple[Trial, Model]]":
    """The trials with these names, each with its stored net. Raises Failure."""
    from app.usecases.prediction import load_kept_model
    from store.db.checkpoints_and_weights import Files

    files = Files(config.home)
    with closing(open_database(config)) as database, database.read() as c:
        rows = [find_trial(c, name) for name in names]
    return [(row, load_kept_model(row, files)) for row in rows]


def describe_model(row: "Trial", net: "Model") -> str:
    """Which trial a net is of, with its val accuracy, so that a wrong number shows at once."""
    from app.text.formats import format_trial

    return f"{format_trial(row)}, val accuracy {net.about['val_acc']:.4f}"


def parse_sweep_number(text: str) -> int:
    """The number of the sweep whose nets --top takes. Raises WrongUsage."""
    if not is_number(text):
        raise WrongUsage(f"--top takes the nets of one sweep, by its number, not of {text!r}.")
    return int(text)


def load_ensemble(number: int, top: int, config: "Config", *, print_accuracies: bool) -> "Sequence[Model]":
    """The best nets of a sweep; prints the val accuracy of each and of their average if asked to."""
    from app.text.formats import format_trial
    from app.usecases import ensemble
    from store.db.checkpoints_and_weights import Files
    from store.read import sweeps

    files = Files(config.home)
    with closing(open_database(config)) as database, database.read() as c:
        sweep = sweeps.get(c, number)
        if sweep is None:
            raise Failure(f"There is no sweep {number}.")
        rows = ensemble.find_members(c, sweep, top, files)
    if print_accuracies:
        result = ensemble.measure_ensemble(rows, sweep, config, files)
        for member in result.members:
            print(f"{format_trial(member.trial)}: val_acc: {member.val_acc:.6f}")
        print(result.sentence, file=sys.stderr)
    return ensemble.load_models(rows, files)


def read_examples(file: Path) -> "tuple[NDArray[Any], NDArray[Any] | None]":
    """The examples in a file, (N, ...) as they are, and their labels (N,) if it has any."""
    import zipfile

    import numpy as np

    if not file.is_file():
        raise Failure(f"There is no file {file}.")
    try:
        with np.load(file, allow_pickle=False) as archive:
            names = list(archive)
            rows = next((archive[name] for name in EXAMPLE_NAMES if name in names), None)
            labels = next((archive[name] for name in LABEL_NAMES if name in names), None)
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise Failure(f"{file} is not an .npz file of plain arrays.") from error
    if rows is None:
        present = ", ".join(names) or "nothing"
        raise Failure(f"{file} has none of the arrays {', '.join(EXAMPLE_NAMES)}; it has {present}.")
    if labels is not None and (labels.shape != rows.shape[:1] or labels.dtype.kind not in "ui"):
        raise Failure(
            f"y must hold the number of each example's class; it is {labels.dtype} of shape {labels.shape}."
        )
    return rows, labels
