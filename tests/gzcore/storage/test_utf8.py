"""Names that are not UTF-8 are refused in one sentence, before anything is written."""

import os
from pathlib import Path

import pytest

from gzcore.errors import UsageError
from gzcore.storage.places import as_place
from gzcore.storage.utf8 import check_text
from tests.running import gzprep, gztrain

RUNNERS = {"gzprep": gzprep, "gztrain": gztrain}
LATIN = "k\udcf6ln"
"""The name "köln" in Latin-1, as Python decodes it."""
COMMANDS = (
    f"gzprep run --data {LATIN} --out out",
    f"gzprep run --data sky --out {LATIN}",
    f"gzprep run --data sky --out {LATIN}/out",
    f"gzprep run --data sky --out out --catalogue {LATIN}",
    f"gzprep run --data sky --out out --fleet {LATIN}",
    f"gzprep run --data sky --out out --recipe {LATIN}",
    f"gzprep run --data sky --out out --recipe {LATIN}.toml",
    f"gzprep run --data sky --out out --set {LATIN}=1",
    f"gzprep run --data sky --out out -- --temp_location={LATIN}",
    f"gzprep template {LATIN}",
    f"gzprep template --metadata {LATIN}",
    f"gzprep simulate {LATIN}",
    f"gzprep fetch {LATIN}",
    f"gzprep verify {LATIN}",
    f"gzprep verify out --data {LATIN}",
    f"gzprep report {LATIN} --html page",
    f"gzprep report out --html {LATIN}",
    f"gzprep report out --html page --data {LATIN}",
    f"gzprep preview out --id {LATIN} --png a.png",
    f"gzprep preview out --id 1 --png {LATIN}.png",
    f"gzprep diff out {LATIN}",
    f"gzprep inspect images {LATIN}",
    f"gzprep inspect images --html {LATIN}",
    f"gzprep recipes {LATIN}",
    f"gzprep schemes {LATIN}",
    f"gztrain fit {LATIN} --run run",
    f"gztrain fit out --run {LATIN}",
    f"gztrain fit out --run run --recipe {LATIN}",
    f"gztrain fit out --run run --weights {LATIN}",
    f"gztrain crossval out --run {LATIN}",
    f"gztrain evaluate {LATIN}",
    f"gztrain evaluate run --data {LATIN}",
    f"gztrain predict run {LATIN} --parquet votes.parquet",
    f"gztrain predict run images --parquet {LATIN}",
    f"gztrain export run {LATIN}",
    f"gztrain ensemble run {LATIN}",
    f"gztrain ensemble run --run {LATIN}",
    f"gztrain report run --html {LATIN}",
    f"gztrain bench {LATIN}",
    f"gztrain recipes {LATIN}",
)


@pytest.mark.parametrize("command", COMMANDS, ids=ascii)
def test_a_word_that_is_not_utf8_is_refused_first(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program, *words = command.split()
    result = RUNNERS[program](*words)
    assert result.code == 2
    assert r"k\xf6ln" in result.sentence
    assert "is not UTF-8" in result.sentence
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_needs_a_working_folder_that_is_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / LATIN
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError, match=r"The working folder .*k\\xf6ln is not UTF-8"):
        as_place("out")
    assert as_place("/out") == Path("/out")
    assert gzprep("run", "--data", tmp_path).code == 2  # --out is relative by default
    assert list(folder.iterdir()) == []


def test_a_working_folder_that_was_removed_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert as_place("out") == Path("out")


WORDS = {
    "bytes of Latin-1": ("k\udcf6ln", r"k\xf6ln is not UTF-8"),
    "half a letter of UTF-8": ("k\udcc3", r"k\xc3 is not UTF-8"),
    "a surrogate that stands for no byte": ("k\ud800", r"k\ud800 is not UTF-8"),
    "surrogates of both kinds": ("\ud800\udcf6", r"\ud800\udcf6 is not UTF-8"),
    "UTF-8 in a locale of ASCII": ("k\udcc3\udcb6ln", "köln has letters that this locale does not know"),
}


@pytest.mark.parametrize(("word", "told"), WORDS.values(), ids=WORDS)
def test_bytes_are_spelled_out(word: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        check_text("The path", word)
    assert str(error.value).startswith(f"The path {told}")


@pytest.mark.parametrize("word", ["köln", "日本", "🌌", "a\nb", "", os.sep])
def test_text_passes(word: str) -> None:
    check_text("The path", word)
