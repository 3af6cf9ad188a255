"""Options of the command line that set keys of a recipe, for ``fit`` and ``crossval`` alike."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from gztrain.training.options import OPTIONS, Option

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
