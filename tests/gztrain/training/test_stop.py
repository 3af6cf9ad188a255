"""How Ctrl-C is heard: the first time as a wish, the second time at once."""

import signal
import threading

import pytest

from gztrain.training.stop import stop_switch


def test_the_first_ctrl_c_is_noted_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_switch() as switch:
        assert not switch.pressed
        signal.raise_signal(signal.SIGTERM)
        assert switch.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    found = []

    def listen() -> None:
        with stop_switch() as switch:
            found.append(switch.pressed)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert found == [False]
