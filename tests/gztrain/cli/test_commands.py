"""The command line: promised names, a sentence and an exit code for each mistake, nothing heavy for --help."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gzcore.errors import GzError
from gztrain import __version__, environment
from gztrain.environment import ALLOCATOR, choose_backend, restart_with_allocator
from gztrain.training.options import OPTIONS
from tests.running import gztrain, python

PROMISED = {
    "fit": (
        *(
            "--run",
            "--model",
            "--scheme",
            "--labels",
            "--fold",
            "--views",
            "--weights",
            "--size",
            "--patch",
            "--epochs",
        ),
        *("--fine-tune-epochs", "--batch", "--min-votes", "--recipe", "--resume", "--set", "--json"),
        *("--reader", "--skip-damaged", "--strict-labels", "--weight-total", "--overwrite"),
    ),
    "crossval": ("--run", "--model", "--recipe", "--resume", "--json"),
    "evaluate": ("--split", "--data", "--json"),
    "predict": ("--parquet", "--json", "--runner", "--workers"),
    "report": ("--html", "--json"),
    "ensemble": ("--json",),
    "export": ("--json",),
    "models": ("--json",),
    "bench": ("--json",),
}
"""DESIGN.md, "Command line", and the issues."""

HELP = """
import sys
import gzcore.cli
from gztrain.cli import main
gzcore.cli._end_process = sys.exit
for words in ([], *([name] for name in sys.argv[1:])):
    sys.argv = ["gztrain", *words, "--help"]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code
    print("=====")
heavy = {"numpy", "keras", "tensorflow", "jax", "sklearn", "pyarrow", "matplotlib"}
sys.stderr.write(",".join(sorted(heavy & set(sys.modules))))
"""


def test_help_loads_nothing_heavy_and_names_what_is_promised() -> None:
    done = python("-c", HELP, *PROMISED, COLUMNS="200", TERM="dumb")
    assert done.returncode == 0
    assert not done.stderr
    first, *pages, _ = done.stdout.split("=====")
    assert all(name in first for name in PROMISED)
    for page, (command, names) in zip(pages, PROMISED.items(), strict=True):
        assert [name for name in names if name not in page] == [], command
        assert "[" in page


def test_crossval_chooses_its_folds_itself() -> None:
    assert gztrain("crossval", "here", "--run", "there", "--fold", "1").code == 2


def test_version() -> None:
    assert gztrain("--version").out == f"gztrain {__version__}\n"


def test_models_are_listed_with_what_they_cost() -> None:
    listed = {row["name"]: row for row in gztrain("models", "--json").json}
    assert next(iter(listed)) == "small"
    assert listed["resnet50"]["parameters"] > listed["resnet50"]["backbone_parameters"] == 23_587_712
    shown = gztrain("models").out
    assert all(name in shown for name in ("vit-64-8-12", "cct", "cvt", "convnexttiny"))


def test_a_dataset_that_is_not_there(tmp_path: Path) -> None:
    result = gztrain("fit", tmp_path / "nothing", "--run", tmp_path / "run")
    assert result.code == 1
    assert "There is no dataset folder" in result.sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--set", "stages.bach=1"), "stages.bach"),
        (("--loss", "hinge"), "loss.name = 'hinge'"),
        (("--labels", "guessed"), "labels = 'guessed'"),
        (("--recipe", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--model", "resnet51"), "did you mean resnet50"),
        (("--scheme", "q11"), "There is no scheme 'q11'"),
    ],
)
def test_a_usage_error_is_reported_in_a_sentence(
    arguments: tuple[str, ...], part: str, dataset: Path, tmp_path: Path
) -> None:
    result = gztrain("fit", dataset, "--run", tmp_path / "run", *arguments)
    assert result.code == 2
    assert part in result.sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", [("fit",), ("fit", "here"), ("evaluate", "run", "--split", "train"), ("dance",)])
def test_a_missing_argument_is_a_usage_error(words: tuple[str, ...]) -> None:
    result = gztrain(*words)
    assert result.code == 2
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "{}"),
        ("predict", "{}", ".", "--parquet", "x"),
        ("export", "{}", "out"),
        ("report", "{}", "--html", "x"),
    ],
    ids=lambda words: words[0],
)
def test_a_run_that_is_not_there(words: tuple[str, ...], tmp_path: Path) -> None:
    result = gztrain(*(word.format(tmp_path) for word in words))
    assert result.code in {1, 2}
    assert "There is no" in result.sentence


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(GzError):
        gztrain("evaluate", tmp_path, "--debug")


def test_a_bug_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gztrain.models.describe", lambda: 1 / 0)
    result = gztrain("models")
    assert result.code == 1
    assert "unexpected ZeroDivisionError" in result.err
    assert "--debug" in result.err


# ---------------------------------------------------------------- before Keras starts

LOOK = "import json, os, sys; sys.stdout.write(json.dumps([dict(os.environ), sys.argv]))"


def started(tmp_path: Path, *words: str, **settings: str) -> tuple[Mapping[str, str], list[str]]:
    """Environment and arguments of a command, as it sees them once it has settled them."""
    script = tmp_path / "gztrain"
    script.write_text(
        "import sys\nfrom gztrain.environment import restart_with_allocator\n"
        f"restart_with_allocator(sys.argv[1:])\n{LOOK}\n"
    )
    done = python(script, *words, **settings)
    assert done.returncode == 0, done.stderr
    seen, arguments = json.loads(done.stdout)
    return seen, arguments


def test_commands_that_stream_start_again_with_the_allocator_set(tmp_path: Path) -> None:
    seen, arguments = started(tmp_path, "fit", "here", "--run", "a b")
    assert {name: seen.get(name) for name in ALLOCATOR} == ALLOCATOR
    assert arguments[1:] == ["fit", "here", "--run", "a b"]


@pytest.mark.parametrize("words", [("models",), ("fit", "--help"), ("report", "run")])
def test_commands_that_read_few_images_are_not_started_again(words: tuple[str, ...], tmp_path: Path) -> None:
    seen, _ = started(tmp_path, *words)
    assert not set(ALLOCATOR) & set(seen)


def test_a_setting_of_the_users_own_is_kept(tmp_path: Path) -> None:
    seen, _ = started(tmp_path, "fit", MALLOC_TRIM_THRESHOLD_="12345")
    assert seen["MALLOC_TRIM_THRESHOLD_"] == "12345"
    assert "MALLOC_MMAP_THRESHOLD_" not in seen


def test_a_program_that_uses_gztrain_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("started again"))
    for name in ALLOCATOR:
        monkeypatch.delenv(name, raising=False)
    restart_with_allocator(["fit"])


def installed(*names: str) -> object:
    return lambda module: module in names


@pytest.mark.parametrize(
    ("asked", "there", "chosen"),
    [
        (None, ("tensorflow", "jax"), None),
        (None, ("jax",), "jax"),
        ("jax", ("tensorflow", "jax"), "jax"),
        ("tensorflow", ("tensorflow",), "tensorflow"),
    ],
)
def test_the_backend_is_the_users_or_what_is_installed(
    asked: str | None, there: tuple[str, ...], chosen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_installed", installed(*there))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if asked is not None:
        monkeypatch.setenv("KERAS_BACKEND", asked)
    choose_backend()
    assert os.environ.get("KERAS_BACKEND") == chosen


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (None, "Neither TensorFlow nor JAX"),
        ("jax", "KERAS_BACKEND is jax, which is not installed"),
        ("torch", "KERAS_BACKEND is 'torch'; gztrain works with tensorflow and jax"),
        ("theano", "KERAS_BACKEND is 'theano'; gztrain works with tensorflow and jax"),
    ],
)
def test_without_a_backend_there_is_a_sentence(asked: str | None, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_installed", installed())
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if asked is not None:
        monkeypatch.setenv("KERAS_BACKEND", asked)
    with pytest.raises(GzError, match=part):
        choose_backend()


@pytest.mark.slow
def test_the_command_itself_runs_quietly(dataset: Path, tmp_path: Path) -> None:
    """As a user starts it: restarted, TensorFlow's chatter kept away, one sentence for a mistake."""
    command = [Path(sys.executable).with_name("gztrain"), "fit", dataset, "--run", tmp_path / "run", "--scheme", "q11"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gztrain: There is no scheme 'q11'")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_said_in_the_help(name: str) -> None:
    assert OPTIONS[name].help.endswith((".", "]"))
