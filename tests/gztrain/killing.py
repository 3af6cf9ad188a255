"""``python -m tests.gztrain.killing MOMENT... -- COMMAND``: run gztrain, and kill it without warning at some moment.

A moment is ``step=N``, after N steps, or ``flush=N``, as the N-th file that is to appear whole is flushed to disk, which
leaves it half-way: written, and without its name.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from gztrain import loop
from gztrain.cli import main

Function = Callable[..., Any]


def after(number: int, function: Function) -> Function:
    """The same function, but the process dies when it has been called so many times."""
    calls = itertools.count(1)

    def counted(*arguments: Any) -> Any:
        result = function(*arguments)
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted


def arm(moment: str) -> None:
    """Lay the mine."""
    kind, _, number = moment.partition("=")
    if kind == "step":
        loop.Loop._after_step = after(int(number), loop.Loop._after_step)  # type: ignore[method-assign]
    else:
        os.fsync = after(int(number), os.fsync)


if __name__ == "__main__":
    moments, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    for moment in moments:
        arm(moment)
    sys.argv = ["gztrain", *command]
    main()
