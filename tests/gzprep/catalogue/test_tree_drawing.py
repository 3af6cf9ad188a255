"""Decision trees as text and as a drawing: each question once, where it fits, and hostile names do no harm."""

import re
from xml.etree import ElementTree as ET

import pytest

from gzcore.dataset.tree import Question
from gzprep.catalogue.surveys import known_survey, survey_files
from gzprep.catalogue.tree_nodes import Branch, Node, nodes_of, nodes_of_survey
from gzprep.catalogue.tree_svg import tree_svg
from gzprep.catalogue.tree_text import tree_lines

SMALL = (
    Question(0, "shape-s", "Smooth?", ("smooth",), "disk", "artifact"),
    Question(1, "arms-s", "How many arms?", ("one", "two"), parent=("shape-s", "disk")),
    Question(2, "odd-s", "Odd?", ("yes",), "no"),
)
TEXT = """\
shape: Smooth?
├─ smooth
├─ disk (label 0)
│  arms: How many arms?
│    one, two
└─ artifact (not used)

odd: Odd?
  (asked after shape: smooth or disk)
  yes, no (label 0)
"""


def test_a_question_stands_below_the_answer_that_leads_to_it() -> None:
    arms = Node("arms", "How many arms?", (Branch("one", "label"), Branch("two", "label")))
    shape, odd = nodes_of(SMALL, "s", {"odd-s": "a note"})
    assert shape.branches == (
        Branch("smooth", "label"),
        Branch("disk", "twin", (arms,)),
        Branch("artifact", "dropped"),
    )
    assert (odd.name, odd.note, odd.leads_on, shape.leads_on) == ("odd", "a note", False, True)


def test_the_text_of_a_small_tree_is_as_written_here() -> None:
    nodes = nodes_of(SMALL, "s", {"odd-s": "asked after shape: smooth or disk"})
    assert "\n".join(tree_lines(nodes)) == TEXT


@pytest.mark.parametrize(
    ("name", "question", "note"),
    [
        ("gz2", "bulge", "derived from bulge-size: no; bulge-shape: no-bulge"),
        ("gz-decals-5", "merging", "asked after smooth-or-featured: smooth or featured-or-disk"),
    ],
)
def test_what_the_tree_cannot_show_is_said_in_a_note(name: str, question: str, note: str) -> None:
    found = {node.name: node.note for node in nodes_of_survey(known_survey(name))}
    assert found[question] == note
    assert found["smooth-or-featured"] == ""


@pytest.mark.parametrize("name", survey_files())
def test_every_question_and_answer_is_in_the_text_once_and_lines_are_short(name: str) -> None:
    survey = known_survey(name)
    lines = tree_lines(nodes_of_survey(survey))
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    words = re.findall(r"[\w-]+", text.replace("label 0", "").replace("not used", ""))
    for question in survey.questions:
        assert len(re.findall(rf"(?m)^[│ ├└─]*{re.escape(question.name)}: ", text)) == 1
        assert set(question.answers) <= set(words)


@pytest.mark.parametrize("name", survey_files())
def test_the_drawing_has_every_question_and_answer_and_no_box_covers_another(name: str) -> None:
    survey = known_survey(name)
    drawn, width, height = tree_svg(nodes_of_survey(survey), survey.title)
    root = ET.fromstring(drawn)  # noqa: S314 -- made here
    space = "{http://www.w3.org/2000/svg}"
    texts = [node.text or "" for node in root.iter(f"{space}text")]
    assert len(list(root.iter(f"{space}circle"))) == len(survey.fraction_names)
    assert {question.name for question in survey.questions} <= set(texts)
    boxes = [
        tuple(float(node.attrib[key]) for key in ("x", "y", "width", "height"))
        for node in root.iter(f"{space}rect")
        if "x" in node.attrib
    ]
    assert len(boxes) == len(survey.tree)
    for place, (x, y, wide, high) in enumerate(boxes):
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + high <= height
        for a, b, c, d in boxes[:place]:
            assert x + wide <= a or a + c <= x or y + high <= b or b + d <= y
    parents = sum(question.parent is not None for question in survey.tree)
    assert len(list(root.iter(f"{space}path"))) == parents


def test_names_in_a_drawing_are_escaped() -> None:
    node = Node("<script>", "<b>&\"'", (Branch("</svg>", "label"),), "<i>")
    drawn, _, _ = tree_svg((node,), "<title>")
    texts = [part.text for part in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 -- ours
    assert texts == ["<b>&\"'", "<script>", "<i>", "</svg>"]
    assert "<script" not in drawn


def test_a_drawing_for_a_page_has_no_background() -> None:
    nodes = nodes_of(SMALL)
    assert 'height="100%"' in tree_svg(nodes, "t")[0]
    assert 'height="100%"' not in tree_svg(nodes, "t", paper=None)[0]
