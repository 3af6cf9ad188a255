"""Commands in a process of its own that lacks some modules or names, as another system or a smaller install does."""

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT

PROGRAM = """
import importlib, multiprocessing, os, signal, socket, sys

class Hiding:
    def __init__(self, finder, names):
        self.finder, self.names = finder, names
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in self.names else self.finder.find_spec(name, path, target)

for library in os.environ["LIBRARIES"].split():
    importlib.import_module(library)
for name in os.environ["WITHOUT"].split():
    module, _, attribute = name.partition(".")
    if name == "multiprocessing.popen_forkserver":
        multiprocessing.get_all_start_methods = lambda: ["spawn"]
    elif attribute:
        delattr(sys.modules[module], attribute)
    else:
        sys.modules.pop(name, None)
        sys.meta_path[:] = [Hiding(finder, {name}) for finder in sys.meta_path]
"""
MAIN = f"{PROGRAM}importlib.import_module(f'{{sys.argv[0]}}.cli').main()\n"


def without(names: tuple[str, ...], program: str, *arguments: str | Path, libraries: str = "") -> None:
    """Run a program without some names.

    Raises:
        AssertionError: it failed; the message is what it said.
    """
    settings = {
        "WITHOUT": " ".join(names),
        "LIBRARIES": libraries,
        "PYTHONPATH": str(ROOT),
        "MALLOC_TRIM_THRESHOLD_": "0",  # else gztrain starts once more, with all its names
    }
    call = [sys.executable, "-c", f"import sys; sys.argv[:] = sys.argv[1:]; exec({program!r})", *map(str, arguments)]
    done = subprocess.run(call, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
