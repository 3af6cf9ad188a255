"""One page for each command, from the Typer apps.

`typer utils docs` writes one page for all commands and knows no groups of options. sphinx-click knows click's own
classes only, and Typer has a copy of click inside.
"""

import re
from importlib import import_module
from typing import Any

from typer.main import get_command

from gzcore.cli import plain_record

PACKAGES = {"gzprep": "make and check data sets", "gztrain": "train, evaluate and predict"}


def command_pages() -> dict[str, str]:
    """Pages by file name: one for each command line, and one for each of its commands."""
    pages = {}
    for package, purpose in PACKAGES.items():
        commands = commands_of(package)
        pages[f"{package}.md"] = _overview(package, purpose, commands)
        pages.update({f"{package}-{name}.md": _page(package, name, command) for name, command in commands.items()})
    return pages


def commands_of(package: str) -> dict[str, Any]:
    """The commands of a package by name, in the order of its help."""
    return dict(get_command(import_module(f"{package}.cli.commands").app).commands)  # type: ignore[attr-defined]


def _overview(package: str, purpose: str, commands: dict[str, Any]) -> str:
    rows = [
        f"| [{package} {name}]({package}-{name}.md) | {_prose(command.help)} |" for name, command in commands.items()
    ]
    tree = "\n".join(f"{package}-{name}" for name in commands)
    text = f"The commands of `{package}`: {purpose}. `{package} COMMAND --help` prints the same in a terminal."
    table = "\n".join(["| command | what it does |", "|---|---|", *rows])
    return f"# Commands of {package}\n\n{text}\n\n{table}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"


def _page(package: str, name: str, command: Any) -> str:  # noqa: ANN401 -- a command of Typer's own click
    context = command.make_context(f"{package} {name}", [], resilient_parsing=True)
    usage = " ".join([f"{package} {name}", *command.collect_usage_pieces(context)])
    groups: dict[str, list[str]] = {"Arguments": [], "Options": []}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None:
            kind = "Arguments" if param.param_type_name == "argument" else "Options"
            title = getattr(param, "rich_help_panel", None) or kind
            groups.setdefault(title, []).append(_entry(*plain_record(record, kind)))
    parts = [f"## {title}\n\n" + "\n\n".join(entries) for title, entries in groups.items() if entries]
    return "\n\n".join([f"# {package} {name}", _prose(command.help), f"```\n{usage}\n```", *parts]) + "\n"


def _entry(name: str, text: str) -> str:
    return f"`{name}`\n: {_prose(text)}"


def _prose(text: str | None) -> str:
    """Help as Markdown: in one line, and without signs that would become tags, links or columns."""
    words = " ".join((text or "").split())
    plain = re.sub(r"``(.*?)``", r"`\1`", words)
    return re.sub(r"([<>|\[\]*])(?=(?:[^`]*`[^`]*`)*[^`]*$)", r"\\\1", plain)
