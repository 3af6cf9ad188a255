"""What a person sees while a run trains."""

import io

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gztrain.runs.history import HistoryLine
from gztrain.runs.watch import Live, Plain, sentence_of, watching


def line(step: int, val_loss: float | None = None) -> HistoryLine:
    return HistoryLine("head", 2, step, 1e-3, 0.25, val_loss, None if val_loss is None else 0.8125, 120.4, 0.0)


def test_a_line_in_words() -> None:
    assert sentence_of(line(3)) == "head, epoch 2: loss 0.2500, 120 samples/s"
    words = "head, epoch 2: loss 0.2500, validation loss 0.5000, validation AUC 0.812, 120 samples/s"
    assert sentence_of(line(3, 0.5)) == words


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
    assert "validation loss 0.5000" in shown


@pytest.mark.parametrize("make", ["plain", "live"])
def test_a_run_is_introduced_and_concluded(make: str, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress(BarColumn(), TextColumn("{task.percentage:.0f} %"), console=screen, auto_refresh=False) as progress:
        watch = Plain() if make == "plain" else Live(progress)
        watch.introduce(["32 galaxies teach.", "3 labels."])
        watch.expect(20, 0)
        watch.advance(line(5, 0.5))
        watch.conclude("Epoch 2 is kept.")
    shown = capsys.readouterr().err + screen.file.getvalue()  # type: ignore[attr-defined]
    assert all(sentence in shown for sentence in ("32 galaxies teach.", "3 labels.", "Epoch 2 is kept."))
    if make == "live":
        assert "100 %" in shown  # though five of twenty steps were done


def test_quiet_progress_introduces_and_concludes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=True) as watch:
        watch.introduce(["32 galaxies teach."])
        watch.conclude("Epoch 2 is kept.")
    assert capsys.readouterr() == ("", "")
