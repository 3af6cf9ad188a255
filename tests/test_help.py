"""Help of every command: it loads nothing heavy, fits into 80 columns, and says what each option is for."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module

import pytest

from tests.running import ROOT

HEAVY = (
    *("apache_beam", "tensorflow", "keras", "jax", "torch", "pandas", "matplotlib", "sklearn", "scipy", "astropy"),
    *("albumentations", "numpy", "cv2", "PIL", "pyarrow", "rich", "jinja2"),
)
"""What no help needs. Typer itself loads pydantic, in 50 ms."""
PROGRAM = """
import contextlib, importlib, io, json, sys
from typer.main import get_command
app = importlib.import_module(f"{sys.argv[1]}.cli.commands").app
shown = {}
for words in ([], *([name] for name in get_command(app).commands)):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        app([*words, "--help"], prog_name=sys.argv[1], standalone_mode=False)
    shown[" ".join(words)] = text.getvalue()
loaded = {name.partition(".")[0] for name in sys.modules}
json.dump({"shown": shown, "loaded": sorted(loaded & set(sys.argv[2:]))}, sys.stdout)
"""
COMMANDS = {
    "gzprep": {
        *(
            "run",
            "template",
            "simulate",
            "fetch",
            "verify",
            "views",
            "preview",
            "report",
            "diff",
            "schemes",
            "surveys",
            "recipes",
            "inspect",
            "convert",
            "push",
            "merge",
        )
    },
    "gztrain": {
        *(
            "fit",
            "crossval",
            "tune",
            "report-against-asked",
            "evaluate",
            "predict",
            "export",
            "ensemble",
            "report",
            "models",
            "recipes",
            "bench",
        ),
        "audit",
        "embed",
        "similar",
        "outliers",
        "map",
        "explain",
        "next",
        "reproduce",
        "push",
    },
}


@pytest.fixture(scope="module", params=COMMANDS)
def package(request: pytest.FixtureRequest) -> str:
    """One of the two."""
    return str(request.param)


@pytest.fixture(scope="module")
def help_of(package: str) -> dict[str, str]:
    """Help of every command of a package, by its name, from one process that loads nothing heavy."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    call = [sys.executable, "-c", PROGRAM, package, *HEAVY]
    done = subprocess.run(call, capture_output=True, text=True, check=True, env=settings, cwd=ROOT)
    found = json.loads(done.stdout)
    assert found["loaded"] == []
    return dict(found["shown"])


@pytest.mark.slow
def test_every_command_is_there_and_loads_nothing_heavy(package: str, help_of: dict[str, str]) -> None:
    assert set(help_of) == {"", *COMMANDS[package]}


def test_help_fits_into_80_columns(help_of: dict[str, str]) -> None:
    assert [line for text in help_of.values() for line in text.splitlines() if len(line) > 80] == []


def test_flags_do_not_look_as_if_they_took_a_value(help_of: dict[str, str]) -> None:
    for text in help_of.values():
        assert "<bool>" not in text
        assert "[[" not in text
        assert "<list" not in text


def test_one_kind_of_value_has_one_name(help_of: dict[str, str]) -> None:
    assert [name for name, text in help_of.items() if "<Path>" in text] == []


def test_every_option_and_argument_says_what_it_is_for(help_of: dict[str, str]) -> None:
    """In its own words, beside its name or on the next line, where an entry begins two spaces from the edge."""
    for name, text in help_of.items():
        options = text.partition("Options:")[2].partition("\n\nCommands to")[0].partition("\n\n  Every command")[0]
        entries = re.split(r"\n  (?=\S)", options)[1:]
        assert len(entries) > 1
        for entry in entries:
            words = " ".join(re.split(r"  +|\n +", entry.partition("\n\n")[0])[1:])
            assert len(re.sub(r"\[.*?\]", "", words).split()) > 1, (name, entry)


def test_every_command_is_told_in_a_whole_sentence(help_of: dict[str, str]) -> None:
    commands = help_of[""].partition("Commands to")[2].partition("\n\n  Every command")[0]
    parts = re.split(r"\n\nCommands to", commands)
    sentences = [sentence for part in parts for sentence in re.split(r"\n  (?=\w)", part)[1:]]
    assert len(sentences) == len(help_of) - 1
    assert all(sentence.rstrip().endswith(".") and "..." not in sentence for sentence in sentences)


def test_every_command_is_in_a_part_of_the_help(package: str, help_of: dict[str, str]) -> None:
    """A command that no part names could not be called."""
    app = import_module(f"{package}.cli.commands").app
    names = {entry.name or entry.callback.__name__.replace("_", "-") for entry in app.registered_commands}
    assert names == help_of.keys() - {""}


def test_the_first_command_is_the_one_to_begin_with(package: str, help_of: dict[str, str]) -> None:
    first = help_of[""].partition("Commands to")[2].splitlines()[1]
    assert first.split()[0] == {"gzprep": "run", "gztrain": "fit"}[package]


def test_a_recipe_is_named_by_its_name(package: str, help_of: dict[str, str]) -> None:
    command, name = {"gzprep": ("run", "gz2-vit"), "gztrain": ("fit", "vit")}[package]
    assert "--recipe NAME|FILE" in help_of[command]
    assert f"such as {name}" in help_of[command]
    assert "pipelines" not in " ".join(help_of.values())
