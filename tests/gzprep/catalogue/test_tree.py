"""The decision tree: counts, columns, order, schemes. The numbers are those of REPORT section 1, not of the code."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gzcore.errors import UsageError
from tests.gz2 import (
    CATALOGUE_QUESTIONS,
    FRACTION_NAMES,
    LABEL_NAMES,
    QUESTIONS,
    SCHEMES,
    fraction_slice,
    label_slice,
    scheme_labels,
)
from tests.running import ROOT

GOLDEN = ROOT / "tests" / "golden" / "labels.json"

NAMES = (
    "smooth-or-featured",
    "disk-edge-on",
    "has-spiral-arms",
    "bar",
    "bulge-size",
    "something-odd",
    "how-rounded",
    "bulge-shape",
    "spiral-winding",
    "spiral-arm-count",
    "bulge",
)
"""Q0 to Q10, without the suffix -gz2."""

# F9: used answers, the redundant twin, the dropped answer.
TABLE_1 = (
    (0, ("smooth",), "featured-or-disk", "artifact"),
    (1, ("yes",), "no", None),
    (2, ("yes",), "no", None),
    (3, ("yes",), "no", None),
    (4, ("dominant", "obvious", "just-noticeable"), None, "no"),
    (5, ("yes",), "no", None),
    (6, ("round", "in-between", "cigar"), None, None),
    (7, ("round",), "boxy", "no-bulge"),
    (8, ("tight", "medium", "loose"), None, None),
    (9, ("1", "2", "3", "4", "more-than-4", "cant-tell"), None, None),
    (10, ("yes",), "no", None),
)

# REPORT section 1, "Parents".
PARENTS = {
    0: None,
    1: (0, "featured-or-disk"),
    2: (1, "no"),
    3: (1, "no"),
    4: (1, "no"),
    5: None,
    6: (0, "smooth"),
    7: (1, "yes"),
    8: (2, "yes"),
    9: (2, "yes"),
    10: None,
}

# F10 and the answers of F9: how many labels each scheme has.
LABELS_OF_SCHEMES = {
    "q0": 1,
    "q1": 1,
    "q2": 1,
    "q3": 1,
    "q4": 3,
    "q5": 1,
    "q6": 3,
    "q7": 1,
    "q8": 3,
    "q9": 6,
    "q10": 1,
    "hubble": 4,
    "reduced": 8,
    "all": 21,
}


def full(index: int) -> str:
    return f"{NAMES[index]}-gz2"


def test_sizes() -> None:
    assert len(QUESTIONS) == 11
    assert len(CATALOGUE_QUESTIONS) == 10
    assert len(FRACTION_NAMES) == len(set(FRACTION_NAMES)) == 32
    assert len(LABEL_NAMES) == len(set(LABEL_NAMES)) == 22
    assert sum(len(question.answers) for question in CATALOGUE_QUESTIONS) == 30


def test_questions_stand_in_order() -> None:
    assert [question.index for question in QUESTIONS] == list(range(11))
    assert [question.name for question in QUESTIONS] == [full(index) for index in range(11)]


@pytest.mark.parametrize(("index", "used", "twin", "dropped"), TABLE_1, ids=NAMES)
def test_answers_are_those_of_table_1(index: int, used: tuple[str, ...], twin: str | None, dropped: str | None) -> None:
    question = QUESTIONS[index]
    assert (question.used, question.twin, question.dropped) == (used, twin, dropped)
    assert question.labels == tuple(f"{full(index)}_{answer}" for answer in used)


@pytest.mark.parametrize(("index", "parent"), PARENTS.items(), ids=NAMES)
def test_parents(index: int, parent: tuple[int, str] | None) -> None:
    assert QUESTIONS[index].parent == (None if parent is None else (full(parent[0]), parent[1]))


def test_a_parent_comes_first_and_has_the_answer() -> None:
    seen: dict[str, tuple[str, ...]] = {}
    for question in QUESTIONS:
        if question.parent is not None:
            name, answer = question.parent
            assert answer in seen[name]
        seen[question.name] = question.answers


def test_column_names() -> None:
    question = QUESTIONS[9]
    assert question.columns[4] == "spiral-arm-count-gz2_more-than-4"
    assert question.fraction_columns[4] == "spiral-arm-count-gz2_more-than-4_fraction"
    assert question.total_column == "spiral-arm-count-gz2_total-votes"


@pytest.mark.parametrize("split", ["train", "test"])
def test_fraction_columns_are_those_of_the_real_catalogue_in_its_order(real_data: Path, split: str) -> None:
    real = pq.read_schema(real_data / "gz2" / f"gz2_{split}_catalog.parquet").names
    assert [name for name in real if name.endswith("_fraction")] == list(FRACTION_NAMES[:30])


def test_vote_columns_are_those_of_the_full_schema(real_data: Path) -> None:
    real = pq.read_schema(real_data / "gz2_full_schema_sample" / "gz2_catalog.parquet").names
    votes = [name for name in real if "-gz2_" in name and not name.endswith(("_fraction", "_total-votes"))]
    assert votes == [column for question in CATALOGUE_QUESTIONS for column in question.columns]
    assert {name for name in real if name.endswith("_total-votes")} == {
        question.total_column for question in CATALOGUE_QUESTIONS
    }


def test_the_two_fractions_of_q10_come_last() -> None:
    assert FRACTION_NAMES[30:] == ("bulge-gz2_yes_fraction", "bulge-gz2_no_fraction")
    assert LABEL_NAMES[21] == "bulge-gz2_yes"


def test_slices_cut_the_vectors_into_questions() -> None:
    for question in QUESTIONS:
        assert FRACTION_NAMES[fraction_slice(question)] == question.fraction_columns
        assert LABEL_NAMES[label_slice(question)] == question.labels


def test_the_order_is_frozen() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert {name: place for place, name in enumerate(FRACTION_NAMES)} == golden["fractions"]
    assert {name: place for place, name in enumerate(LABEL_NAMES)} == golden["labels"]
    assert {scheme: list(scheme_labels(scheme)) for scheme in SCHEMES} == golden["schemes"]


def test_there_are_14_schemes() -> None:
    assert set(SCHEMES) == set(LABELS_OF_SCHEMES)
    assert len(SCHEMES) == 14


@pytest.mark.parametrize(("scheme", "expected"), LABELS_OF_SCHEMES.items(), ids=LABELS_OF_SCHEMES)
def test_number_of_labels_of_a_scheme(scheme: str, expected: int) -> None:
    places = scheme_labels(scheme)
    assert len(places) == expected
    assert list(places) == sorted(set(places))


# Places by hand: Q0 0, Q1 1, Q2 2, Q3 3, Q4 4-6, Q5 7, Q6 8-10, Q7 11, Q8 12-14, Q9 15-20, Q10 21.
@pytest.mark.parametrize(
    ("scheme", "places"),
    [
        ("q7", (11,)),
        ("q9", (15, 16, 17, 18, 19, 20)),
        ("hubble", (0, 2, 3, 21)),
        ("reduced", (0, 1, 2, 3, 8, 9, 10, 21)),
        ("all", (0, 1, 2, 3, 4, 5, 6, *range(8, 22))),
    ],
)
def test_labels_of_a_scheme(scheme: str, places: tuple[int, ...]) -> None:
    assert scheme_labels(scheme) == places


def test_all_leaves_out_the_odd_question_alone() -> None:
    missing = set(range(22)) - set(scheme_labels("all"))
    assert {LABEL_NAMES[place] for place in missing} == {"something-odd-gz2_yes"}


@pytest.mark.parametrize("scheme", ["q11", "Hubble", "", "ALL", "q-1"])
def test_an_unknown_scheme_is_one_sentence(scheme: str) -> None:
    with pytest.raises(UsageError) as caught:
        scheme_labels(scheme)
    sentence = str(caught.value)
    assert repr(scheme) in sentence
    assert all(known in sentence for known in LABELS_OF_SCHEMES)
    assert "\n" not in sentence
    assert sentence.endswith(".")
