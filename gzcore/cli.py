"""What the command lines of both packages share: how they start and end, and commands that both have."""

import atexit
import errno
import io
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from gzcore.console import human_bytes, say
from gzcore.console.process import exit_code_of_signal, ignore_signals, interruptible, unwritten
from gzcore.errors import GzError, Stopped, system_sentence
from gzcore.machine import memory_limit
from gzcore.storage.utf8 import check_text

Command = TypeVar("Command", bound=Callable[..., Any])
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the recipe; may be repeated.")
]
RecipeToPrint = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Print this one; a copy of it can become a recipe of your own.")
]


class HelpfulCommand(TyperCommand):
    """A command whose help lists its options in groups, the ``rich_help_panel`` of each, without boxes."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 -- typer's own click
        """Write the arguments, the options without a group, then each group of options."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                kind = "Arguments" if param.param_type_name == "argument" else "Options"
                groups.setdefault(getattr(param, "rich_help_panel", None) or kind, []).append(
                    plain_record(record, kind)
                )
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def plain_record(record: tuple[str, str], kind: str) -> tuple[str, str]:
    """What typer says of a parameter, without the type of an argument and the word "range"."""
    name, text = record
    shown = name.replace(" range>", ">").replace("<Path>", "<path>")
    return (name.partition(" <")[0] if kind == "Arguments" else shown), text


class HelpfulGroup(TyperGroup):
    """A group of commands whose help shows the whole sentence of each, in parts that say what commands are for."""

    parts: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Names of commands by the title of their part; the first command is what a newcomer needs first."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 -- typer's own
        """Put the commands into the order of the parts; see ``TyperGroup``."""
        super().__init__(**options)
        self.commands = {name: self.commands[name] for names in self.parts.values() for name in names}

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 -- typer's own click
        """Write every command with what it does."""
        del ctx
        for title, names in self.parts.items():
            with formatter.section(f"Commands to {title}"):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(1000)) for name in names])


class App(typer.Typer):
    """A command line; its commands are :class:`HelpfulCommand`."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Command], Command]:  # noqa: ANN401
        """Add a command; see ``typer.Typer.command``."""
        return super().command(name, cls=HelpfulCommand, **options)


def make_app(name: str, parts: Mapping[str, Sequence[str]]) -> App:
    """A command line without commands. Its help is plain text: rich would take a quarter of a second to draw boxes.

    Args:
        name: of the command line.
        parts: names of its commands, by what they are for: "make a data set". Commands that no part names do not exist.
    """
    return App(
        name=name,
        cls=type("HelpfulGroup", (HelpfulGroup,), {"parts": parts}),
        epilog="Every command takes --debug, which shows a traceback in place of a sentence.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def run_app(app: typer.Typer, name: str) -> int:
    """Run a command line; a user's mistake ends in one sentence, not in a traceback.

    Returns:
        The exit code: 0; that of the error, see :mod:`gzcore.errors`; or 128 and the number of a signal.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of few letters gets the codes of the others
    try:
        with interruptible() as interrupted:
            code = _run(app, name, interrupted)
    except KeyboardInterrupt:  # while the outcome was told
        code = _stopped(name)
    return _written(name, code)


def _run(app: typer.Typer, name: str, interrupted: Callable[[], bool]) -> int:
    """Run a command and tell what went wrong; the exit code."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        for argument in arguments:
            check_text("The argument", argument)
        code = _command_of(app)(args=arguments, standalone_mode=False) or 0
    except SystemExit as stop:  # typer: the program that reads our output has ended
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:
        if debug:
            raise
        return _told(error, name, interrupted=interrupted())
    return _stopped(name) if code == Stopped.exit_code else code  # typer makes this code of Ctrl-C


@cache
def _command_of(app: typer.Typer) -> Callable[..., int | None]:
    """The commands of a command line, made once a process: that takes longer than to parse the words of a call."""
    return get_command(app)


def _stopped(name: str, sentence: object = "Stopped.") -> int:
    say(f"{name}: {sentence}")
    return exit_code_of_signal()


def _written(name: str, code: int) -> int:
    """The exit code once the output is written: a full disk, or a reader that has ended, is no success."""
    failures = [unwritten(stream) for stream in (sys.stdout, sys.stderr)]
    if failures[0] is not None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 -- else Python complains once more when it ends
        if failures[0].errno != errno.EPIPE:
            say(f"{name}: Standard output could not be written ({failures[0].strerror}); send it to another place.")
    return code or int(any(failures))


def end_process(code: int) -> NoReturn:
    """End the process without taking Python apart first.

    Taking it apart takes a second with Beam or TensorFlow loaded. Threads of their C++ and Rust libraries that ask for
    Python meanwhile would abort the process (SIGABRT) after all its work is done.
    """
    if "--debug" in sys.argv:  # a profiler or a debugger wants to see the end
        raise SystemExit(code)
    ignore_signals()
    atexit._run_exitfuncs()  # noqa: SLF001 -- temporary folders and child processes are cleared away there
    for stream in filter(None, (sys.stdout, sys.stderr)):  # one that the caller closed is None
        try:
            stream.flush()
        except OSError:  # a full disk, or the program that read our output has ended
            code = code or 1
    os._exit(code)


def _told(error: Exception, name: str, *, interrupted: bool) -> int:
    """Tell of an error in one sentence; say of a bug that it is one.

    Returns:
        The exit code.
    """
    if isinstance(error, Stopped):
        return _stopped(name, error)
    if interrupted:  # a library has made another error of Ctrl-C
        return _stopped(name)
    if hasattr(error, "show"):
        return _show_usage_error(error)
    sentence = str(error) if isinstance(error, GzError) else system_sentence(error)
    if sentence is not None:
        say(f"{name}: {sentence}{_where_is_the_page(sentence)}")
        return int(getattr(error, "exit_code", 1))
    what = f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error) else ''}"
    limit = memory_limit()
    if limit is not None:  # libraries that find no memory raise all kinds of errors
        say(f"{name}: {what}. It may use {human_bytes(limit)} of memory (`ulimit -v`); give it more, or fewer workers.")
        return 1
    say(f"{name}: unexpected {what}")
    say(f"This is a fault of {name}; run again with --debug and report what it prints.")
    return 1


def _where_is_the_page(sentence: str) -> str:
    """Where the page is that a message names, such as docs/images.md; nothing is added in a checkout, which has it."""
    named = re.search(r"docs/[\w/-]+\.md", sentence)
    if named is None or (Path(__file__).parents[1] / named.group()).exists():
        return ""
    page = Path(sys.prefix, "share", "doc", "gzprep", named.group())
    return f" That page is {page}." if page.exists() else ""


def _show_usage_error(error: Any) -> int:  # noqa: ANN401 -- typer's own click
    """Show click's own usage errors as click does, without obeying control characters."""
    text = io.StringIO()
    error.show(file=text)
    for line in text.getvalue().splitlines():
        say(line)
    return int(getattr(error, "exit_code", 2))


def print_json(value: Any) -> None:  # noqa: ANN401 -- any JSON value
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def show_version(name: str, version: str) -> Callable[[bool], None]:
    """What ``--version`` calls: it prints name and version, and ends the command."""

    def show(wanted: bool) -> None:  # noqa: FBT001 -- typer calls it so
        if wanted:
            sys.stdout.write(f"{name} {version}\n")
            raise typer.Exit

    return show


def show_recipes(package: str, name: str | None, *, as_json: bool) -> None:
    """Print what the recipes of a package are for, or the text of one.

    Raises:
        UsageError: there is no recipe of that name.
    """
    from gzcore.recipe.named import find_recipe, purpose, recipes_of

    if name is not None:
        text = find_recipe(package, name).read_text(encoding="utf-8")
        print_json({name: text}) if as_json else sys.stdout.write(text)
        return
    found = {known: purpose(path) for known, path in recipes_of(package).items()}
    if as_json:
        print_json(found)
        return
    width = min(shutil.get_terminal_size().columns, 100)
    for known, line in found.items():
        lines = textwrap.wrap(line, width, initial_indent="    ", subsequent_indent="    ")
        sys.stdout.write("\n".join((known, *lines)) + "\n")
