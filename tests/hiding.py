"""A process that lacks some modules or names, as another system or a smaller install does; it forks for each command.

It imports what is heavy once. :mod:`tests.isolated` starts it. Nothing of ours is imported here: a module that was
imported before a name is hidden would keep it.
"""

import importlib
import json
import multiprocessing
import os
import signal
import socket  # noqa: F401 -- some of its names are hidden
import sys
import tempfile
from collections.abc import Sequence
from typing import Any


class Hiding:
    """A finder of modules that finds all but some."""

    def __init__(self, finder: Any, name: str) -> None:
        self.finder, self.name = finder, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """What the finder finds, or None."""
        return None if name.partition(".")[0] == self.name else self.finder.find_spec(name, path, target)


def hide(names: Sequence[str]) -> None:
    """Take modules (``fcntl``) and names of modules (``os.fork``) away from this process."""
    for name in names:
        module, _, attribute = name.partition(".")
        if name == "multiprocessing.popen_forkserver":
            multiprocessing.get_all_start_methods = lambda: ["spawn"]
        elif attribute:
            delattr(sys.modules[module], attribute)
        else:
            sys.modules.pop(name, None)
            sys.meta_path[:] = [Hiding(finder, name) for finder in sys.meta_path]


def import_all(names: Sequence[str]) -> None:
    """Import modules."""
    for name in names:
        importlib.import_module(name)


def run_command(program: str, *words: str) -> None:
    """Run the command line of one of our programs."""
    sys.argv[:] = [program, *words]
    importlib.import_module(f"{program}.cli").main()


TASKS = {"import": lambda *names: import_all(names), "command": run_command}


def run_forked(names: Sequence[str], task: str, words: Sequence[str]) -> tuple[int, str]:
    """Do a task in a fork that lacks some names; its exit code, and what it wrote to standard error."""
    with tempfile.TemporaryFile("w+") as err:
        pid = os.fork()
        if not pid:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(err.fileno(), 2)
            _do(names, task, words)
        _, status = os.waitpid(pid, 0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), err.read()


def _do(names: Sequence[str], task: str, words: Sequence[str]) -> None:
    """Never returns."""
    signal.alarm(300)
    exit_now, code = os._exit, 1
    try:
        hide(names)
        TASKS[task](*words)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        exit_now(code)


def serve(absent: str, libraries: str) -> None:
    """Hide, import, and do the tasks that come on standard input, a line of JSON each."""
    hide(absent.split())
    import_all(libraries.split())
    for line in sys.stdin:
        names, task, *words = json.loads(line)
        sys.stdout.write(json.dumps(run_forked(names, task, words)) + "\n")
        sys.stdout.flush()
