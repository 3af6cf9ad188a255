"""What a person sees of a run, and how Ctrl-C is heard."""

import io
import signal
import threading
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gzcore.console import human_time, printable
from gztrain.cli.show import number, show_metrics
from gztrain.evaluation.evaluate import read_metrics
from gztrain.runs.history import HistoryLine
from gztrain.runs.watch import Live, Plain, sentence_of, watching
from gztrain.training.stop import stop_switch
from tests.gztrain.made import told_run


def line(step: int, val_loss: float | None = None) -> HistoryLine:
    return HistoryLine("head", 2, step, 1e-3, 0.25, val_loss, None if val_loss is None else 0.8125, 120.4, 0.0)


def test_a_line_in_words() -> None:
    assert sentence_of(line(3)) == "head, epoch 2: loss 0.2500, 120 samples/s"
    assert sentence_of(line(3, 0.5)) == "head, epoch 2: loss 0.2500, validation 0.5000, AUC 0.812, 120 samples/s"


def test_plain_progress_has_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=False) as watch:
        assert isinstance(watch, Plain)
        watch.expect(20, 0)
        watch.advance(line(1))
        watch.advance(line(5, 0.5))
    out, err = capsys.readouterr()
    assert out == ""
    (only,) = err.splitlines()
    assert "step 5 of 20 at most" in only
    assert only.endswith("left at most")


def test_quiet_progress_says_what_there_is_to_know_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=True) as watch:
        watch.expect(20, 0)
        watch.advance(line(5, 0.5))
        watch.tell("A label is missing.")
    assert capsys.readouterr() == ("", "A label is missing.\n")


def test_the_bar_shows_loss_and_speed() -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[numbers]}"))
    with Progress(*columns, console=screen, auto_refresh=False) as progress:
        watch = Live(progress)
        watch.expect(20, 0)
        watch.advance(line(4))
        progress.refresh()
        watch.advance(line(5, 0.5))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "loss 0.2500, 120/s" in shown
    assert "validation 0.5000" in shown


def test_control_characters_are_spelled_out() -> None:
    assert printable("a\x1b[31mb\nc") == "a\\x1b[31mb\\nc"


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (300, "5 min"), (7200, "2.0 h")])
def test_durations(seconds: float, text: str) -> None:
    assert human_time(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (3, "3"), (0.12345, "0.123")])
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("sight", "words"), [(1.0, "depends on the image"), (0.0, "does not depend on the image")])
def test_a_table_says_whether_the_model_sees(
    sight: float, words: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = told_run(tmp_path / "run", dataset, sight=sight)
    show_metrics(read_metrics(folder), str(folder.root))
    out = capsys.readouterr().out
    assert words in out
    for part in ("test galaxies, scheme reduced", "commonest answer", "how-rounded-gz2_cigar", "false negatives"):
        assert part in out


# ---------------------------------------------------------------- Ctrl-C


def test_the_first_press_is_noted_and_the_second_means_now() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_switch() as switch:
        assert not switch.pressed
        signal.raise_signal(signal.SIGTERM)
        assert switch.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_listens_to_nobody() -> None:
    found = []

    def listen() -> None:
        with stop_switch() as switch:
            found.append(switch.pressed)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert found == [False]
