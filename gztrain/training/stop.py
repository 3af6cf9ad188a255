"""Handling of Ctrl-C: the current step is finished, a checkpoint is written, and then the run stops."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from gzcore.console import process

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class StopSwitch:
    """Whether the run has been asked to stop."""

    pressed: bool = False

    def press(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal. The first one asks the run to stop after the step; the second one stops it at once."""
        process.note(number)
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


@contextlib.contextmanager
def stop_switch() -> Iterator[StopSwitch]:
    """Context that handles Ctrl-C and SIGTERM. It works in the main thread only, which is a limit of Python."""
    switch = StopSwitch()
    if threading.current_thread() is not threading.main_thread():
        yield switch
        return
    before = {number: signal.signal(number, switch.press) for number in SIGNALS}
    try:
        yield switch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
