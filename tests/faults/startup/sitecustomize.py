"""Python imports this as it starts, in every process of a command whose PYTHONPATH names this folder.

``GZ_FAULT_INTERRUPT_AT=N`` presses Ctrl-C at the N-th import of the process. ``GZ_FAULT_KILL_WORKER_AT=N`` kills a
worker process at its N-th event below ``GZ_FAULT_ROOT``. ``GZ_FAULT_TICKET`` is a file that is made when the fault
strikes, so that it strikes once; ``GZ_FAULT_COUNT`` is one that gets the number of imports as the process ends.
"""

import atexit
import os
import signal
import sys
from pathlib import Path

_START = os.getpid()
_FIRST = {"gzprep.cli.commands", "gztrain.cli.commands"}
"""The milliseconds before these, in which Python itself starts, are not ours."""


def _strike(number: signal.Signals) -> None:
    try:
        os.close(os.open(os.environ["GZ_FAULT_TICKET"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), number)


def _count_imports(at: int) -> None:
    imports = 0

    def seen(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal imports
        if name == "import" and (imports or arguments[0] in _FIRST):
            imports += 1
            if imports == at:
                _strike(signal.SIGINT)

    def write() -> None:
        if os.getpid() == _START and "GZ_FAULT_COUNT" in os.environ:
            Path(os.environ["GZ_FAULT_COUNT"]).write_text(str(imports))

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    atexit.register(write)
    sys.addaudithook(seen)


def _kill_worker(at: int) -> None:
    from tests.faults.events import Event, Events

    def on_event(event: Event) -> None:
        if os.getpid() != _START and event.number == at:
            _strike(signal.SIGKILL)

    Events((Path(os.environ["GZ_FAULT_ROOT"]),), on_event).install()


if "GZ_FAULT_INTERRUPT_AT" in os.environ:
    _count_imports(int(os.environ["GZ_FAULT_INTERRUPT_AT"]))
elif "GZ_FAULT_KILL_WORKER_AT" in os.environ and any("multiprocessing.forkserver" in word for word in sys.orig_argv):
    _kill_worker(int(os.environ["GZ_FAULT_KILL_WORKER_AT"]))
