"""``python -m tests.gztrain.killing MOMENT [-- COMMAND]...``: run gztrain, and kill the last run at some moment.

The moment is ``step=N``, after N steps, or ``flush=N``, as the N-th file that is to appear whole is flushed to disk,
which leaves it half-way: written, and without its name; or ``never``.

With ``KERAS_BACKEND=jax`` there is no TensorFlow here, as on a machine that has only JAX.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from gztrain.cli import main
from gztrain.training import loop

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
    elif kind == "flush":
        os.fsync = after(int(number), os.fsync)


if __name__ == "__main__":
    if os.environ["KERAS_BACKEND"] == "jax":
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    moment, *commands = " ".join(sys.argv[1:]).split(" -- ")
    for place, command in enumerate(commands, start=1):
        if place == len(commands):
            arm(moment)
        sys.argv = ["gztrain", *command.split()]
        try:
            main()
        except SystemExit as stop:
            if stop.code:
                raise
