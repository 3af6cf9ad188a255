"""Options of the command line that set keys of a recipe: one table, so that ``fit`` and ``crossval`` take the same."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Option:
    """An option of the command line.

    Attributes:
        key: of the recipe.
        kind: type of its value; a bool also gets a ``--no-`` form.
        help: in a few words.
    """

    key: str
    kind: type
    help: str


OPTIONS: dict[str, Option] = {
    "model": Option("model.name", str, "What to train; `gztrain models` lists them. [small]"),
    "scheme": Option("scheme", str, "Which questions: q0 .. q10, hubble, reduced, all. [reduced]"),
    "labels": Option("labels", str, "How votes become labels: asked or report. [asked]"),
    "fold": Option("fold", int, "The fold that validates. [0]"),
    "views": Option("views", int, "Extra views of a galaxy to train on. [12]"),
    "weights": Option("model.weights", str, "imagenet, none or a file. [imagenet where they exist]"),
    "size": Option("model.size", int, "Pixels a side that the model sees. [the crop; small: 64]"),
    "patch": Option("model.patch", int, "Pixels a side of a patch. [size / 16]"),
    "head": Option("model.head", str, "report or plain. [the report's, where it has one]"),
    "dropout": Option("model.dropout", float, "Share of features dropped in the head."),
    "epochs": Option("stages.epochs", int, "Of the first stage, at most. [12]"),
    "fine_tune_epochs": Option("stages.fine_tune_epochs", int, "Of the second stage, at most. [5]"),
    "patience": Option("stages.patience", int, "Epochs without a better one that end a stage. [6]"),
    "monitor": Option("stages.monitor", str, "What is better on validation: loss or auc. [loss]"),
    "batch": Option("stages.batch", int, "Galaxies a step, over all devices. [64]"),
    "rate": Option("optimizer.rate", float, "Learning rate of the first stage. [0.001]"),
    "schedule": Option("optimizer.schedule", str, "constant or cosine. [cosine]"),
    "optimizer": Option("optimizer.name", str, "adam or adamw. [adamw]"),
    "loss": Option("loss.name", str, "bce, softmax, focal or dirichlet. [bce]"),
    "class_weights": Option("loss.weights", str, "ens, inverse, inverse-sqrt or none. [ens]"),
    "weight_total": Option("loss.weight_total", str, "Weights add up to: classes or samples. [classes]"),
    "symmetries": Option("augment.symmetries", bool, "Turn and mirror training images. [yes]"),
    "affine": Option("augment.affine", bool, "Rotate, zoom and shift training images. [no]"),
    "min_votes": Option("min_votes", int, "Votes a question needs to count. [1]"),
    "strict_labels": Option("strict_labels", bool, "A label without a positive is an error."),
    "seed": Option("seed", int, "Of weights, order, augmentation, dropout. [0]"),
    "reader": Option("input.reader", str, "auto, tf or native. [auto]"),
    "threads": Option("input.threads", int, "That decode. [one a core]"),
    "skip_corrupt": Option("input.skip_corrupt", bool, "Leave damaged records out, and count them."),
    "precision": Option("compute.precision", str, "auto, float32 or bfloat16. [auto]"),
    "devices": Option("compute.devices", int, "How many to use. [all]"),
    "accumulate": Option("compute.accumulate", int, "Pieces a batch is worked through in. [1]"),
    "jit": Option("compute.jit", str, "Compile the step with XLA: auto, on or off. [auto]"),
}
"""Option to recipe key. Brackets show the default, which the recipe may change."""


def takes_recipe_options(*, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Give a command, in place of its ``**options``, the options of the table that are not left out."""

    def extend(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        more = [_parameter(name, option) for name, option in OPTIONS.items() if name not in without]
        command.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        return command

    return extend


def _parameter(name: str, option: Option) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    names = f"{flag}/--no-{flag[2:]}" if option.kind is bool else flag
    shown = typer.Option(names, help=option.help.replace("[", r"\["), show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[option.kind | None, shown]
    )


def as_settings(options: Mapping[str, Any]) -> list[str]:
    """Options that were given, as ``KEY=VALUE`` pairs of the recipe."""
    given = {OPTIONS[name].key: value for name, value in options.items() if value is not None}
    return [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in given.items()]
