"""What a person sees: no control character, no markup of a stranger, numbers as a person says them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from gzcore.console import human_bytes, human_time, printable, say, show_line, show_table
from gzprep.cli.show import prevalence, show_summary
from gzprep.run.progress import GalaxyTally, galaxy_progress


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 100 %", "plain text, 100 %"),
        ("\N{GREEK SMALL LETTER ALPHA} Andromedae", "\N{GREEK SMALL LETTER ALPHA} Andromedae"),
        ("a\nb", r"a\nb"),
        ("a\tb\r", r"a\tb\r"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x00", r"\x00"),
        ("\x7f", r"\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}gpj", r"\u202egpj"),
        ("\N{ZERO WIDTH SPACE}", r"\u200b"),
        ("\N{LINE SEPARATOR}", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_printable_spells_control_characters(text: str, shown: str) -> None:
    assert printable(text) == shown


@settings(deadline=None)
@given(st.text())
def test_printable_text_is_printable_and_one_line(text: str) -> None:
    shown = printable(text)
    assert all(char.isprintable() for char in shown)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


def test_say_writes_one_line_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[31m\nb")
    assert capsys.readouterr() == ("", "a\\x1b[31m\\nb\n")


def test_show_line_writes_one_line_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    show_line("a\x1b[31m\nb [bold]c[/bold]")
    assert capsys.readouterr() == ("a\\x1b[31m\\nb [bold]c[/bold]\n", "")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1, "1 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (17_234, "17.2 kB"),
        (128e6, "128.0 MB"),
        (1.5e9, "1.5 GB"),
        (24.7e9, "24.7 GB"),
        (3e12, "3.0 TB"),
        (4e15, "4000.0 TB"),
    ],
)
def test_human_bytes(size: float, said: str) -> None:
    assert human_bytes(size) == said


@settings(deadline=None)
@given(st.integers(0, 10**15))
def test_human_bytes_is_the_size_to_three_digits(size: int) -> None:
    number, unit = human_bytes(size).split()
    factor = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert abs(float(number) * factor - size) <= 0.0501 * factor
    assert re.fullmatch(r"\d{1,4}(\.\d)?", number)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.6, "60 s"),
        (89, "89 s"),
        (90, "2 min"),
        (600, "10 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (36_000, "10.0 h"),
    ],
)
def test_human_time(seconds: float, said: str) -> None:
    assert human_time(seconds) == said


# progress


def test_a_tally_counts() -> None:
    tally = GalaxyTally(total=10)
    for rejected in (False, True, False):
        tally.add(rejected)
    assert (tally.done, tally.rejected) == (3, 1)
    assert tally.rate > 0


def test_a_tally_has_no_rate_before_the_second_galaxy() -> None:
    tally = GalaxyTally(total=10)
    assert tally.rate == 0
    assert tally.line() == "0 of 10 galaxies, 0 rejected, 0 galaxies/s"
    tally.add(rejected=True)
    assert tally.rate == 0
    assert tally.line() == "1 of 10 galaxies, 1 rejected, 0 galaxies/s"


def test_a_line_of_a_tally_says_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 galaxies, 99 of them after the first in 9.9 s: ten a second, and 1,100 to come."""
    clock = iter([50.0, *[59.9] * 10])
    tally = GalaxyTally(total=1200, began=0.0)
    monkeypatch.setattr("gzprep.run.progress.time.monotonic", lambda: next(clock))
    for place in range(100):
        tally.add(rejected=place == 3)
    assert tally.line() == "100 of 1200 galaxies, 1 rejected, 10 galaxies/s, 2 min left"


def test_plain_progress_ends_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with galaxy_progress("Preparing", 5) as advance:
        for place in range(5):
            advance(place == 0)
    assert capsys.readouterr() == ("", "Preparing: 5 of 5 galaxies, 1 rejected\n")


def test_plain_progress_says_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that goes a second a look: a line after more than five of them."""
    now = [0.0]
    monkeypatch.setattr("gzprep.run.progress.time.monotonic", lambda: now[0])
    with galaxy_progress("Preparing", 20) as advance:
        for _ in range(13):
            now[0] += 1.0
            advance(False)  # noqa: FBT003
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Preparing: 6 of 20 galaxies, 0 rejected, 1 galaxies/s, 14 s left",
        "Preparing: 12 of 20 galaxies, 0 rejected, 1 galaxies/s, 8 s left",
        "Preparing: 13 of 20 galaxies, 0 rejected",
    ]


def test_plain_progress_of_nothing_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with galaxy_progress("Preparing", 0):
        pass
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_is_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gzprep.run.progress.Console", lambda **_: Console(stderr=True, force_terminal=True, width=100))
    with galaxy_progress("Preparing", 5) as advance:
        for place in range(5):
            advance(place == 0)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err).splitlines()[-1]
    assert "Preparing" in shown
    assert "5/5" in shown
    assert "1 rejected" in shown


# tables


def test_a_table_shows_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("Shards", [("train", "20", "1.0 MB"), ("test", "4", "0.2 MB")], ("", "files", "size"))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["Shards"], ["files", "size"], ["train", "20", "1.0", "MB"], ["test", "4", "0.2", "MB"]]


@pytest.mark.parametrize("name", ["[bold]name[/bold]", "[/]", "[red]", "\\[x]", "a\\", "[link=http://x]y[/link]"])
def test_a_table_takes_markup_literally(capsys: pytest.CaptureFixture[str], name: str) -> None:
    show_table("Title", [(name, "1")], ("", "n"))
    assert name in capsys.readouterr().out


def test_a_table_spells_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("Title", [("a\x1b[31m\n", "1")], ("", "n"))
    shown = capsys.readouterr().out
    assert r"a\x1b[31m\n" in shown
    assert "\x1b" not in shown


# the summary


PARTS = {"in": 10, "out": 8, "rejected": {"missing_file": 2}, "flagged": {}, "inpainted": {}}
LABELS = {
    "names": ["smooth_yes", "bar_yes"],
    "folds": {"0": {"answered": [4, 0], "asked": [1, 0]}, "1": {"answered": [4, 0], "asked": [2, 0]}},
    "test": {"answered": [2, 0], "asked": [2, 0]},
}
MANIFEST = {
    "counts": {
        "train": PARTS,
        "test": {"in": 0, "out": 0, "rejected": {}, "flagged": {}, "inpainted": {}},
        "all": PARTS,
    },
    "splits": {
        "train": {"shards": [{}, {}], "records": 8, "bytes": 12_345},
        "test": {"shards": [], "records": 0, "bytes": 0},
    },
    "labels": LABELS,
}


def test_prevalence_is_over_those_who_were_asked() -> None:
    assert prevalence(LABELS) == [("smooth_yes", "10", "0.500"), ("bar_yes", "0", "-")]


def test_summary(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(MANIFEST, "/data/[red]out", 125.0, "[b]7")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["in", "10", "0", "10"] in lines
    assert ["out", "8", "0", "8"] in lines
    assert ["rejected:", "missing_file", "2", "0", "2"] in lines
    assert ["train", "2", "8", "12.3", "kB"] in lines
    assert not [line for line in lines if line[:2] == ["test", "0"]]  # an empty split has no row
    assert lines[-2][:4] == ["Done", "in", "2", "min."]
    assert lines[-2][-1] == "/data/[red]out"
    assert " ".join(lines[-1]).endswith("gzprep preview '/data/[red]out' --id '[b]7' --png galaxy.png")


def test_summary_of_nothing_names_no_galaxy(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(MANIFEST, "/data/out", 125.0, None)
    assert "gzprep preview" not in capsys.readouterr().out
