"""Standard streams that are closed or full, other locales, and signals: every command ends in one sentence."""

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gzcore.console.process import exit_code_of_signal, interruptible, note
from tests.running import SMALL, child_environment, manifest

NO_ROOM = "Standard output could not be written (No space left on device); send it to another place."
LINUX = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def shell(line: str, *words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell; ``$P`` is Python, and its arguments are "$@"."""
    call = ["sh", "-c", line, "sh", *map(str, words)]
    environment = child_environment(P=sys.executable, **settings)
    return subprocess.run(call, capture_output=True, text=True, check=False, env=environment, timeout=120)


STREAMS = {
    "closed output": ('"$P" -m gzprep schemes >&-', 0, ""),
    "closed error": ('"$P" -m gzprep schemes 2>&- >/dev/null', 0, ""),
    "closed input": ('"$P" -m gzprep schemes <&- >/dev/null', 0, ""),
    "all closed": ('"$P" -m gztrain models <&- >&- 2>&-', 0, ""),
    "a mistake, all closed": ('"$P" -m gzprep verify none <&- >&- 2>&-', 1, ""),
    "full output": ('"$P" -m gzprep schemes >/dev/full', 1, f"gzprep: {NO_ROOM}\n"),
    "full output of help": ('"$P" -m gztrain fit --help >/dev/full', 1, f"gztrain: {NO_ROOM}\n"),
    "full output of JSON": ('"$P" -m gztrain models --json >/dev/full', 1, f"gztrain: {NO_ROOM}\n"),
    "full output and error": ('"$P" -m gzprep schemes >/dev/full 2>/dev/full', 1, ""),
    "a mistake that cannot be told": ('"$P" -m gzprep nothing 2>/dev/full', 2, ""),
    "a reader that has ended": ('{ "$P" -m gzprep schemes; echo $? >&2; } | true', 0, "1\n"),
    "unbuffered and full": ('"$P" -u -m gzprep schemes >/dev/full', 1, f"gzprep: {NO_ROOM}\n"),
}


@LINUX
@pytest.mark.parametrize(("line", "code", "told"), STREAMS.values(), ids=STREAMS)
def test_streams_that_cannot_be_written(line: str, code: int, told: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stderr) == (code, told)


RUNS = {
    "closed error": ("2>&-", 0),
    "closed output": (">&-", 0),
    "all closed": ("<&- >&- 2>&-", 0),
    "full output": (">/dev/full", 1),
    "full error": ("2>/dev/full", 1),
}
SHOWN = {"all closed", "full error"}


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize(
    ("streams", "code"),
    [pytest.param(*run, id=name, marks=() if name in SHOWN else pytest.mark.thorough) for name, run in RUNS.items()],
)
def test_the_work_of_a_run_is_kept_whole(small_sky: Path, tmp_path: Path, streams: str, code: int) -> None:
    words = ("run", "--data", small_sky, "--out", tmp_path / "out", "--workers", "2", *SMALL)
    done = shell(f'"$P" -m gzprep "$@" {streams}', *words)
    assert done.returncode == code, done.stderr
    assert "fault of" not in done.stderr
    assert manifest(tmp_path / "out")["counts"]


LIMITS = {
    "open files": ("ulimit -n 16", "Too many files are open"),
    "memory": ("ulimit -v 100000", "There was not enough memory"),
    "size of files": ("ulimit -f 2", "A file grows larger than the disk or `ulimit -f` allows"),
}


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize(("limit", "told"), LIMITS.values(), ids=LIMITS)
def test_a_limit_of_the_system_is_told_in_one_sentence(small_sky: Path, tmp_path: Path, limit: str, told: str) -> None:
    words = ("run", "--data", small_sky, "--out", tmp_path / "out", "--workers", "2", *SMALL)
    done = shell(f'{limit}; exec "$P" -m gzprep "$@"', *words)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Preparing")]
    assert (done.returncode, len(lines)) == (1, 1), done.stderr
    assert told in lines[0]


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_accents_work_in_every_locale(tmp_path: Path, locale: str) -> None:
    done = shell('"$P" -m gzprep simulate "$1" --galaxies 2', tmp_path / "köln", **{**ASCII, "LC_ALL": locale})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "köln" / "truth.parquet").exists()
    assert ("köln" in done.stdout) == (locale != "C")  # a terminal of ASCII gets the code of the letter
    assert ("k\\xf6ln" in done.stdout) == (locale == "C")


INTERRUPTS = """
import os, sys

count = 0
def hook(event, args):
    global count
    if event == os.environ["EVENT"]:
        count += 1
        if count == int(os.environ["AT"]):
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))
if "-c" not in sys.orig_argv:  # servers of worker processes
    sys.addaudithook(hook)
"""
"""As sitecustomize.py: the process sends itself a signal at its n-th import, or when it opens its n-th file."""


def interrupted(tmp_path: Path, event: str, at: int, number: int, *words: str | Path) -> subprocess.Popen[str]:
    (tmp_path / "site").mkdir(exist_ok=True)
    (tmp_path / "site" / "sitecustomize.py").write_text(INTERRUPTS)
    environment = child_environment(EVENT=event, AT=str(at), SIGNAL=str(number))
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path / "site")
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    )


def check_end(process: subprocess.Popen[str], number: int) -> None:
    _, err = process.communicate(timeout=120)
    told = [line for line in err.splitlines() if not line.startswith(("Preparing", "Simulating", "No --data"))]
    quicker = 0, -signal.SIGTERM  # the command, or the signal: nothing of ours had begun
    if process.returncode in quicker:
        assert told == []
    else:
        assert process.returncode == 128 + number, err
        assert len(told) == 1, err
        assert ": Stopped" in told[0]


COMMANDS = {
    "schemes": (300, ("gzprep", "schemes")),
    "help": (150, ("gztrain", "fit", "--help")),
    "simulate": (700, ("gzprep", "simulate", "sky", "--galaxies", "2")),
    "models": (600, ("gztrain", "models")),
}
NUMBERS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


MOMENTS = [*itertools.product(COMMANDS, ("import", "open"), (signal.SIGINT, signal.SIGTERM))]
"""A command, what it does when the signal comes, and the signal; `make test` shows each pair of these."""
SHOWN_MOMENTS = [moment for place, moment in enumerate(MOMENTS) if place % 4 in ((0, 3) if place % 8 < 4 else (1, 2))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "event", "number"),
    [
        pytest.param(
            *moment, id="-".join(map(str, moment)), marks=() if moment in SHOWN_MOMENTS else pytest.mark.thorough
        )
        for moment in MOMENTS
    ],
)
@pytest.mark.usefixtures("interruptible")
def test_a_signal_ends_a_command_at_any_moment(tmp_path: Path, command: str, event: str, number: int) -> None:
    most, words = COMMANDS[command]
    at = random.Random(f"{words}{event}{number}").randint(20, most)
    check_end(interrupted(tmp_path, event, at, number, *words), number)


@NUMBERS
@pytest.mark.parametrize("at", [5, 8, 20, *(pytest.param(at, marks=pytest.mark.thorough) for at in (6, 12))])
@pytest.mark.usefixtures("interruptible")
def test_a_signal_is_heard_from_the_first_imports(tmp_path: Path, at: int, number: int) -> None:
    check_end(interrupted(tmp_path, "import", at, number, "gzprep", "schemes"), number)


@pytest.mark.slow
@NUMBERS
@pytest.mark.parametrize("event", ["import", "open"])
@pytest.mark.parametrize("draw", [0, *(pytest.param(draw, marks=pytest.mark.thorough) for draw in range(1, 4))])
@pytest.mark.usefixtures("interruptible")
def test_a_signal_ends_a_run_at_any_moment(small_sky: Path, tmp_path: Path, event: str, draw: int, number: int) -> None:
    at = random.Random(f"{event}{draw}{number}").randint(5, 2500)
    words = ("gzprep", "run", "--data", small_sky, "--out", tmp_path / "out", "--workers", "2", *SMALL)
    check_end(interrupted(tmp_path, event, at, number, *words), number)
    assert not list(tmp_path.glob("gzprep-*"))


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_inside_a_destructor_is_raised_again() -> None:
    class Unlucky:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def wait() -> None:
        with interruptible() as stopped:
            Unlucky()
            assert stopped()
            signal.pause()

    with pytest.raises(KeyboardInterrupt):
        wait()


def test_what_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as stopped:
            signal.raise_signal(signal.SIGINT)
        assert not stopped()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_exit_code_is_that_of_the_first_signal() -> None:
    with interruptible():
        assert exit_code_of_signal() == 130
        note(signal.SIGTERM)
        note(signal.SIGINT)
    assert exit_code_of_signal() == 143
