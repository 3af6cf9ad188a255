"""The Galaxy Zoo 2 decision tree, as data.

Eleven questions: the ten of the catalogue (Willett et al. 2013, table 2, without the "odd feature" question)
and Q10, "is there a bulge?", which is derived from two of them. Their order, and the order of their answers,
is frozen: it is the order of every fraction and label vector in a shard.
"""

from functools import cache

from gzcore.dataset.features import Feature, Widths, features_of
from gzcore.dataset.tree import Question
from gzcore.errors import UsageError

EDGE_ON, SPIRAL = "disk-edge-on-gz2", "has-spiral-arms-gz2"
_FEATURED = ("smooth-or-featured-gz2", "featured-or-disk")
_SMOOTH = ("smooth-or-featured-gz2", "smooth")

QUESTIONS: tuple[Question, ...] = (
    Question(
        0,
        "smooth-or-featured-gz2",
        "Smooth, or with features or a disk?",
        ("smooth",),
        "featured-or-disk",
        "artifact",
    ),
    Question(1, EDGE_ON, "A disk viewed edge-on?", ("yes",), "no", parent=_FEATURED),
    Question(2, SPIRAL, "A spiral arm pattern?", ("yes",), "no", parent=(EDGE_ON, "no")),
    Question(3, "bar-gz2", "A bar through the centre?", ("yes",), "no", parent=(EDGE_ON, "no")),
    Question(
        4,
        "bulge-size-gz2",
        "How prominent is the bulge?",
        ("dominant", "obvious", "just-noticeable"),
        dropped="no",
        parent=(EDGE_ON, "no"),
    ),
    Question(5, "something-odd-gz2", "Anything odd?", ("yes",), "no"),
    Question(6, "how-rounded-gz2", "How round?", ("round", "in-between", "cigar"), parent=_SMOOTH),
    Question(
        7, "bulge-shape-gz2", "A bulge, edge-on, of which shape?", ("round",), "boxy", "no-bulge", (EDGE_ON, "yes")
    ),
    Question(8, "spiral-winding-gz2", "How tightly wound?", ("tight", "medium", "loose"), parent=(SPIRAL, "yes")),
    Question(
        9,
        "spiral-arm-count-gz2",
        "How many spiral arms?",
        ("1", "2", "3", "4", "more-than-4", "cant-tell"),
        parent=(SPIRAL, "yes"),
    ),
    Question(10, "bulge-gz2", "Is there a bulge? (derived)", ("yes",), "no"),
)
"""Q0 to Q10. REPORT Table 1; Q10 is its equation 6.1."""

CATALOGUE_QUESTIONS = QUESTIONS[:10]
"""The questions that a catalogue has columns for."""

FRACTION_NAMES: tuple[str, ...] = tuple(column for question in QUESTIONS for column in question.fraction_columns)
"""The 32 vote fractions of a record: 30 catalogue columns and Q10 yes, no."""

LABEL_NAMES: tuple[str, ...] = tuple(label for question in QUESTIONS for label in question.labels)
"""The 22 labels of a record."""

WIDTHS = Widths(len(FRACTION_NAMES), len(QUESTIONS), len(LABEL_NAMES))
"""32, 11 and 22."""

FEATURES: tuple[Feature, ...] = features_of(WIDTHS)
"""The features of a record of Galaxy Zoo 2."""

_HUBBLE = (0, 2, 3, 10)
_REDUCED = (0, 1, 2, 3, 6, 10)
_ALL = (0, 1, 2, 3, 4, 6, 7, 8, 9, 10)

SCHEMES: dict[str, tuple[int, ...]] = {
    **{f"q{question.index}": (question.index,) for question in QUESTIONS},
    "hubble": _HUBBLE,
    "reduced": _REDUCED,
    "all": _ALL,
}
"""Scheme name to the questions it asks (REPORT Table 2). ``all`` leaves Q5 out, as the report does."""


@cache
def label_slice(question: Question) -> slice:
    """Where the labels of a question stand in the 22."""
    start = sum(len(other.used) for other in QUESTIONS[: question.index])
    return slice(start, start + len(question.used))


@cache
def fraction_slice(question: Question) -> slice:
    """Where the fractions of a question stand in the 32."""
    start = sum(len(other.answers) for other in QUESTIONS[: question.index])
    return slice(start, start + len(question.answers))


def scheme_labels(scheme: str) -> tuple[int, ...]:
    """Indices, into the 22 labels, of the labels of a scheme.

    Raises:
        UsageError: there is no such scheme.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"There is no scheme {scheme!r}; choose one of {', '.join(SCHEMES)}.")
    chosen = (label_slice(QUESTIONS[index]) for index in SCHEMES[scheme])
    return tuple(place for places in chosen for place in range(places.start, places.stop))
