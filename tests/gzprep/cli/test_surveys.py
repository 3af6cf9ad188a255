"""``gzprep surveys``: the list, one tree, the drawing; and sentences where a name or a file is wrong."""

from pathlib import Path

import pytest

from gzprep.catalogue.surveys import known_survey, survey_files
from tests.running import gzprep


def test_every_survey_has_a_line_of_80_columns_at_most() -> None:
    lines = gzprep("surveys").out.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == list(survey_files())
    assert max(map(len, lines)) <= 80
    assert lines[10].split() == ["gz2", "11", "32", "22", "gz2", "Galaxy", "Zoo", "2"]


def test_the_list_and_a_survey_are_told_as_json() -> None:
    listed = {entry["name"]: entry for entry in gzprep("surveys", "--json").json}
    assert listed["gz2"] == {
        "name": "gz2",
        "title": "Galaxy Zoo 2",
        "question_count": 11,
        "answer_count": 32,
        "label_count": 22,
        "suffix": "gz2",
    }
    told = gzprep("surveys", "kaggle", "--json").json
    assert told == {**listed["kaggle"], **known_survey("kaggle").document()}


def test_the_tree_of_one_survey_is_shown_with_its_citations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = gzprep("surveys", "kaggle").out
    assert shown.startswith("Kaggle Galaxy Challenge (kaggle): 11 questions, 37 answers, 31 labels. The first\n")
    assert "column is Class1.1." in shown
    assert "│  how-rounded: How round?\n" in shown
    assert "Dieleman et al. 2015" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_file_is_a_survey_too_and_its_tree_is_drawn(tmp_path: Path) -> None:
    mine, drawn = tmp_path / "mine.toml", tmp_path / "mine.svg"
    mine.write_bytes(survey_files()["gz2"].read_bytes().replace(b'"Galaxy Zoo 2"', b'"A <b> \\u001b"'))
    half = tmp_path / f".{'0' * 32}.mine.svg"
    half.touch()  # as a command leaves it that was killed
    result = gzprep("surveys", mine, "--svg", drawn)
    assert not half.exists()
    assert result.out == ""
    assert result.err == f"The tree of gz2 is drawn in {drawn}.\n"
    assert "<title>The decision tree of A &lt;b&gt;" in drawn.read_text(encoding="utf-8")
    assert "\x1b" not in gzprep("surveys", mine).out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("gz3",), "There is no survey 'gz3'; did you mean gz2?"),
        (("./none.toml",), "cannot be read"),
        (("--svg", "a.svg"), "--svg draws one survey; name it"),
    ],
    ids=["unknown name", "no such file", "a drawing of what"],
)
def test_a_wrong_name_is_told_in_one_sentence(arguments: tuple[str, ...], part: str) -> None:
    result = gzprep("surveys", *arguments)
    assert result.code == 2
    assert part in result.sentence


def test_a_drawing_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    result = gzprep("surveys", "gz2", "--svg", tmp_path / "none" / "a.svg")
    assert result.code != 0
    assert str(tmp_path) in result.sentence
