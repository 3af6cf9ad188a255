"""The chance of being asked, worked out by hand."""

import numpy as np
import pytest

from gzcore.dataset.tree import Question
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
    odd = Question(3, "odd", "Odd?", ("yes",), twin="no")
    object.__setattr__(odd, "parents", (("first", "smooth"), ("edge", "yes")))
    assert asked(FIRST, EDGE, odd)[2] == pytest.approx([0.75, 1.0])


def test_a_parent_that_the_model_does_not_answer_leaves_the_chance_unknown() -> None:
    assert np.isnan(asked(FIRST, LOST)[1]).all()
