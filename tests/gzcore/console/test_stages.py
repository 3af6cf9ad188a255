"""Progress in stages: a bar on a terminal, and nothing for a short while elsewhere."""

import sys

import pytest

from gzcore.console.stages import silent, stages


def test_a_terminal_shows_what_is_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with stages() as on_stage:
        on_stage("Reading", 3, 8)
        on_stage("Drawing", 1, 7)
    shown = capsys.readouterr()
    assert "Drawing" in shown.err
    assert shown.out == ""


def test_without_a_terminal_a_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as on_stage:
        on_stage("Reading", 3, 8)
    silent("Reading", 3, 8)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((0.0, 4.0, 6.0, 6.0, 7.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with stages() as on_stage:
        for done in (1000, 2000, 3000):
            on_stage("Reading", done, 8000)
    assert capsys.readouterr().err == "Reading: 2,000 of 8,000\n"
