"""The chance of being asked, worked out by hand."""

import numpy as np
import pytest

from gzcore.dataset.tree import Question
from gzprep.catalogue.surveys import known_survey
from gztrain.predict.catalogue.asked import chances

FIRST = Question(0, "first", "Smooth?", ("smooth",), twin="disk", dropped="artifact")
EDGE = Question(1, "edge", "Edge-on?", ("yes",), twin="no", parent=("first", "disk"))
ARMS = Question(2, "arms", "Arms?", ("yes",), twin="no", parent=("edge", "no"))
LOST = Question(3, "lost", "Lost?", ("yes",), twin="no", parent=("elsewhere", "yes"))
FRACTIONS = {
    ("first", "smooth"): [0.3, 1.0],
    ("first", "disk"): [0.6, 0.0],
    ("edge", "yes"): [0.75, 0.5],
    ("edge", "no"): [0.25, 0.5],
}


def asked(*questions: Question) -> list[list[float]]:
    fractions = {key: np.array(values) for key, values in FRACTIONS.items()}
    return [chance.tolist() for chance in chances(questions, fractions, 2)]


def test_chances_multiply_along_the_tree() -> None:
    first, edge, arms = asked(FIRST, EDGE, ARMS)
    assert first == [1.0, 1.0]
    assert edge == [0.6, 0.0]
    assert arms == pytest.approx([0.6 * 0.25, 0.0])


def test_chances_of_several_parents_add_up() -> None:
    """0.3 + 0.6 * 0.75 for the first galaxy; 1 + 0 for the second."""
    odd = Question(3, "odd", "Odd?", ("yes",), twin="no", parents=(("first", "smooth"), ("edge", "yes")))
    assert asked(FIRST, EDGE, odd)[2] == pytest.approx([0.75, 1.0])


def test_a_parent_that_the_model_does_not_answer_leaves_the_chance_unknown() -> None:
    assert np.isnan(asked(FIRST, LOST)[1]).all()


CHANCES = {
    # survey, question: the fractions that lead there, and the chance to be asked
    "merging comes after smooth or featured": ("gz-decals-5", "merging", 0.3 + 0.6),
    "edge-on comes after featured alone": ("gz-decals-5", "disk-edge-on", 0.6),
    "a bar comes after featured and not edge-on": ("gz-decals-5", "bar", 0.6 * 0.75),
    "anything odd comes after smooth or featured": ("gz2", "something-odd", 0.3 + 0.6),
    "a derived bulge, edge-on or not": ("gz2", "bulge", 0.6),
}


@pytest.mark.parametrize(("name", "question", "expected"), CHANCES.values(), ids=CHANCES)
def test_chances_along_the_trees_of_galaxy_zoo(name: str, question: str, expected: float) -> None:
    survey = known_survey(name)
    said = {
        ("smooth-or-featured", "smooth"): 0.3,
        ("smooth-or-featured", "featured-or-disk"): 0.6,
        ("smooth-or-featured", "artifact"): 0.1,
        ("disk-edge-on", "yes"): 0.25,
        ("disk-edge-on", "no"): 0.75,
    }
    fractions = {(survey.column_prefix(where), answer): np.array([value]) for (where, answer), value in said.items()}
    found = chances(survey.tree, fractions, 1)[survey.index_of(question)]
    assert found == pytest.approx([expected])
