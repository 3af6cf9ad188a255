"""Labels, masks and the rule that chooses an answer, computed by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gztrain.data.labels import chosen_answers, classes, tied, true_labels
from tests.gztrain.synthetic import Galaxies, scheme_of, some_galaxies


def galaxies(votes: tuple[float, float, float]) -> Galaxies:
    """Three galaxies that are round; the second was asked nothing; so many votes on roundness (Q6, labels 8 to 10)."""
    made = some_galaxies(3)
    made.votes[:, 6] = votes
    made.label_asked[:, 8:11] = [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
    made.mask[:, 8:11] = [[1, 1, 1], [0, 0, 0], [1, 1, 1]]
    made.label_report[:, 8:11] = [[1, 0, 0], [0, 0, 1], [1, 0, 0]]
    return made


ROUND, NOTHING, CIGAR = [1, 0, 0], [0, 0, 0], [0, 0, 1]
NAN = float("nan")


@pytest.mark.parametrize(
    ("policy", "min_votes", "votes", "labels", "known"),
    [
        ("asked", 1, (10, 0, 20), [ROUND, NOTHING, ROUND], [1, 0, 1]),
        ("asked", 10, (10, 0, 20), [ROUND, NOTHING, ROUND], [1, 0, 1]),
        ("asked", 11, (10, 0, 20), [NOTHING, NOTHING, ROUND], [0, 0, 1]),
        ("asked", 11, (NAN, NAN, NAN), [ROUND, NOTHING, ROUND], [1, 0, 1]),  # without counts: kept
        ("report", 1, (10, 0, 20), [ROUND, CIGAR, ROUND], [1, 1, 1]),
        ("report", 11, (10, 0, 20), [ROUND, CIGAR, ROUND], [1, 1, 1]),  # the minimum has no effect
    ],
)
def test_labels_and_mask(policy: Any, min_votes: int, votes: Any, labels: list[list[int]], known: list[int]) -> None:
    found, mask = true_labels(galaxies(votes), scheme_of("q6"), policy, min_votes)
    assert found.tolist() == labels
    assert mask.tolist() == [[one] * 3 for one in known]


TIES: dict[str, tuple[list[float], int]] = {
    "one answer won": ([0.5, 0.3, 0.2], 0),
    "two best answers": ([0.4, 0.4, 0.2], 1),
    "two best answers of a rounded table": ([0.333, 0.333, 0.334], 0),
    "two worst answers": ([0.2, 0.6, 0.2], 0),
    "three": ([1 / 3, 1 / 3, 1 / 3], 1),
    "7 and 7 of 18 votes": ([7 / 18, 7 / 18, 4 / 18], 1),
    "not asked": ([NAN, NAN, NAN], 0),
}


@pytest.mark.parametrize(("fractions", "is_tied"), TIES.values(), ids=TIES.keys())
def test_ties_are_masked_under_asked_alone(fractions: list[float], is_tied: int) -> None:
    made, scheme = galaxies((20, 20, 20)), scheme_of("q6")
    made.fractions[0, list(scheme.fraction_places)] = fractions
    labels, mask = true_labels(made, scheme, "asked", 1, "mask")
    assert mask[0].tolist() == [1 - is_tied] * 3
    assert labels[0].tolist() == [1 - is_tied, 0, 0]
    assert true_labels(made, scheme, "asked", 1, "keep")[1][0].all()
    assert true_labels(made, scheme, "report", 1, "mask")[1][0].all()


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_a_tie_is_a_tie_of_counts(a: int, b: int, c: int) -> None:
    """Fractions of any counts, as float32: equal counts are found, and no others."""
    made, scheme = galaxies((20, 20, 20)), scheme_of("q6")
    counts = np.array([a, b, c])
    made.fractions[0, list(scheme.fraction_places)] = (counts / counts.sum()).astype(np.float32)
    first, second = sorted(counts)[::-1][:2]
    assert tied(made.fractions, scheme)[0].tolist() == [int(first == second)] * 3


def test_a_tie_with_a_dropped_answer_or_a_twin_is_a_tie() -> None:
    made = some_galaxies(2)
    for scheme in (scheme_of("q0"), scheme_of("q4")):
        made.fractions[:, list(scheme.fraction_places)] = 0.0
        made.fractions[0, scheme.fraction_places[0]] = made.fractions[0, scheme.fraction_places[-1]] = 0.5
        made.fractions[1, scheme.fraction_places[0]] = 1.0
        assert tied(made.fractions, scheme).any(axis=1).tolist() == [True, False]


def test_few_votes_mask_their_own_question_only() -> None:
    made = some_galaxies(30)
    scheme = scheme_of("all")
    _, lax = true_labels(made, scheme, "asked", 1)
    made.votes[:] = np.where(np.arange(11) == 4, 3, 20)
    _, strict = true_labels(made, scheme, "asked", 4)
    assert not strict[:, 4:7].any()  # Q4 is labels 4 to 6 of all
    assert (np.delete(strict, [4, 5, 6], axis=1) == np.delete(lax, [4, 5, 6], axis=1)).all()


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("q0", ("smooth", "featured-or-disk")),  # artifact is dropped
        ("q1", ("yes", "no")),
        ("q4", ("dominant", "obvious", "just-noticeable")),  # no is dropped
        ("q6", ("round", "in-between", "cigar")),
        ("q7", ("round", "boxy")),  # no-bulge is dropped
    ],
)
def test_classes(scheme: str, expected: tuple[str, ...]) -> None:
    assert classes(scheme_of(scheme).questions[0]) == expected


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([0.51], 0),
        ([0.5], 1),  # exactly one half is the twin
        ([0.0], 1),
        ([0.2, 0.3], 1),
        ([0.6, 0.9, 0.1], 1),
        ([0.4, 0.4], 0),  # of equal values the first
        ([0, 1], 1),
    ],
    ids=["above one half", "one half", "zero", "both below one half", "two above one half", "equal", "labels"],
)
def test_the_answer_that_values_choose(values: list[float], place: int) -> None:
    assert chosen_answers(np.array([values, values])).tolist() == [place, place]
