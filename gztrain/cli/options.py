"""What commands share: arguments, options that set keys of a recipe, and how a result is shown."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import typer

from gzcore.cli import make_app, print_json
from gzcore.storage.options import AnyPlace, place
from gzcore.storage.places import Place
from gztrain.training.options import OPTIONS, Option

app = make_app(
    "gztrain",
    {
        "train": ("fit", "recipes", "models", "crossval", "tune", "ensemble", "reproduce", "bench"),
        "judge a model": ("evaluate", "report", "explain", "audit", "report-against-asked"),
        "use a model": ("predict", "next", "export", "push"),
        "find galaxies by likeness": ("embed", "similar", "outliers", "map"),
    },
)

Json = dict[str, Any]
Dataset = Annotated[
    AnyPlace, typer.Argument(parser=place, metavar="OUT", help="A dataset folder that `gzprep run` made.")
]
RunPath = Annotated[AnyPlace, typer.Argument(parser=place, metavar="RUN", help="A run folder that `gztrain fit` made.")]
RunPaths = Annotated[list[AnyPlace], typer.Argument(parser=place, metavar="RUN", help="Run folders.")]
NewRun = Annotated[AnyPlace, typer.Option("--run", parser=place, help="Run folder to make.")]
Recipe = Annotated[
    str | None,
    typer.Option("--recipe", metavar="NAME|FILE", help="A recipe, such as vit (see `gztrain recipes`), or a file."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the run that is there, at the step where it stopped.")
]
Extend = Annotated[
    bool, typer.Option("--extend", help="Go on with the run that is there, with larger --epochs or --fine-tune-epochs.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run that is there.")]
SkipDamaged = Annotated[
    bool, typer.Option("--skip-damaged", "--skip-corrupt", help="Leave damaged records out, and count them.")
]
Data = Annotated[AnyPlace | None, typer.Option("--data", parser=place, help="The dataset folder, if it has moved.")]
SplitName = Literal["val", "test"]
Command = TypeVar("Command", bound=Callable[..., Any])


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
    names = [_flag(each, option.kind) for each in (name, *option.also)]
    shown = typer.Option(*names, help=option.help, rich_help_panel=option.group, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[option.kind | None, shown]
    )


def _flag(name: str, kind: type) -> str:
    word = name.replace("_", "-")
    return f"--{word}/--no-{word}" if kind is bool else f"--{word}"


def recipe_file(name: str | None) -> Place | None:
    """The file of a recipe, from its name or path.

    Raises:
        UsageError: there is no such recipe.
    """
    from gzcore.recipe.named import find_recipe

    return None if name is None else find_recipe("gztrain", name)


def show_result(document: Json, as_json: bool, show: Any, run: Place | None) -> None:  # noqa: ANN401, FBT001
    """Print what a command found: as JSON, or by a function that shows it for people."""
    if as_json:
        print_json(document)
    else:
        show(document, None if run is None else str(run))
