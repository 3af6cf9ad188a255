"""Ctrl-C at a good moment: the step that runs is finished, a checkpoint written, and then the run stops."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class StopSwitch:
    """Whether somebody wants the run to stop."""

    pressed: bool = False

    def press(self, _number: int, _frame: FrameType | None) -> None:
        """Note the wish; whoever presses twice means now."""
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


@contextlib.contextmanager
def stop_switch() -> Iterator[StopSwitch]:
    """Listen to Ctrl-C and SIGTERM; outside the main thread, where Python cannot, to nobody."""
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
