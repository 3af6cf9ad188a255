"""Commands of gztrain that are killed at a chosen moment, each in a process of its own.

To import Keras and a backend takes seconds, so one process does it for all kills of a backend: it imports, starts
nothing, and forks once a command. :func:`killer` starts it; ``python -m tests.gztrain.killing`` is its own end.

A moment is ``step=N``, after N training steps, or ``flush=N``, as the N-th file is flushed to disk. A file that is
written whole is flushed before it gets its name, so that such a kill leaves it half-way. None lets a command end.

With ``KERAS_BACKEND=jax`` there is no TensorFlow here, as on a machine that has only JAX.
"""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gztrain.cli import main
from tests.running import child_environment

Function = Callable[..., Any]


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, or minus the number of the signal that killed it, and what it said."""

    code: int
    out: str
    err: str


class Killer:
    """A process that runs commands of gztrain, and kills them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *command: str | os.PathLike[str], kill: str | None = None) -> Ended:
        """Run a command; kill it at a moment, or let it end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([kill, *map(os.fspath, command)]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that runs the commands has ended; what it said is above"
        return Ended(**json.loads(answer))


@contextlib.contextmanager
def killer(backend: str, **settings: str) -> Iterator[Killer]:
    """Start a process that runs and kills commands on a Keras backend."""
    command = [sys.executable, "-m", "tests.gztrain.killing"]
    environment = child_environment(KERAS_BACKEND=backend, **settings)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, env=environment, stdin=pipe, stdout=pipe) as process:
        yield Killer(process)
        process.communicate(timeout=60)


# ---------------------------------------------------------------- the other end


def after(number: int, function: Function) -> Function:
    """The same function, but the process dies when it has been called so many times."""
    calls = itertools.count(1)

    def counted(*arguments: Any) -> Any:
        result = function(*arguments)
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted


def set_kill(moment: str) -> None:
    """Make this process kill itself at a moment."""
    from gztrain.training import loop

    kind, _, number = moment.partition("=")
    if kind == "step":
        loop.Loop._after_step = after(int(number), loop.Loop._after_step)  # type: ignore[method-assign]
    elif kind == "flush":
        os.fsync = after(int(number), os.fsync)
    else:
        raise ValueError(moment)


def run_here(moment: str | None, command: list[str]) -> int:
    """Run a command in this process; its exit code."""
    from gztrain.models import small

    if moment is not None:
        set_kill(moment)
    if os.environ["KERAS_BACKEND"] == "tensorflow":
        import tensorflow as tf

        tf.config.run_functions_eagerly(run_eagerly=True)  # a few steps are sooner done than compiled
    small.WIDTHS = small.WIDTHS[:1]  # so is a net of two layers
    sys.argv = ["gztrain", *command]
    try:
        main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


def run_forked(moment: str | None, command: list[str]) -> Ended:
    """Run a command in a fork of this process, its output in files."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        pid = os.fork()
        if not pid:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_flushed(run_here(moment, command)))
        _, status = os.waitpid(pid, 0)
        texts = [file.seek(0) or file.read() for file in (out, err)]
        return Ended(os.waitstatus_to_exitcode(status), *texts)


def _flushed(code: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    if os.environ["KERAS_BACKEND"] == "jax":
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    import keras  # noqa: F401 -- once, for all commands

    for line in sys.stdin:
        moment, *command = json.loads(line)
        sys.stdout.write(json.dumps(asdict(run_forked(moment, command))) + "\n")
        sys.stdout.flush()
