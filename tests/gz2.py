"""Galaxy Zoo 2 in short words for tests: its tree, and votes and labels of it."""

from functools import partial
from typing import Any

from gzcore.dataset.tree import Question
from gzprep.catalogue import consistency, galaxy, labels, read
from gzprep.catalogue.galaxy import NAN, Labels
from gzprep.catalogue.surveys import gz2
from gzprep.config import Recipe
from gzprep.dataset import read as dataset
from gzprep.prepare.catalogue_row import catalogue_schema

GZ2 = gz2()
QUESTIONS = GZ2.tree
CATALOGUE_QUESTIONS = GZ2.asked
FRACTION_NAMES = GZ2.fraction_names
LABEL_NAMES = GZ2.label_names
WIDTHS = GZ2.widths
FEATURES = GZ2.features
SCHEMES = GZ2.questions_of_schemes
ANSWERS = len(GZ2.fraction_columns)
scheme_labels = GZ2.scheme_labels
SCHEMA = catalogue_schema(Recipe())
check_columns = partial(read.check_columns, survey=GZ2)
column_names = partial(read.column_names, survey=GZ2)
row_count = partial(read.row_count, survey=GZ2)
read_ids = partial(read.read_ids, survey=GZ2)
read_galaxies = partial(read.read_galaxies, survey=GZ2)
read_all = partial(read.read_all, survey=GZ2)
read_record = partial(dataset.read_record, widths=WIDTHS)
count_inconsistent = partial(consistency.count_inconsistent, survey=GZ2)


def Votes(  # noqa: N802 -- as the class that it makes
    fractions: tuple[float, ...],
    counts: tuple[float, ...] = (NAN,) * ANSWERS,
    totals: tuple[float, ...] = (NAN,) * len(CATALOGUE_QUESTIONS),
) -> galaxy.Votes:
    """Votes of which some may not be known."""
    return galaxy.Votes(fractions, counts, totals)


def label(votes: galaxy.Votes, galaxy_id: str, **rules: Any) -> Labels:
    """The labels of a galaxy of Galaxy Zoo 2."""
    return labels.label(votes, galaxy_id, GZ2, **rules)


def label_slice(question: Question) -> slice:
    """Where the labels of a question stand in the 22."""
    return GZ2.label_slices[question.index]


def fraction_slice(question: Question) -> slice:
    """Where the fractions of a question stand in the 32."""
    return GZ2.fraction_slices[question.index]


def bulge_report(fractions: tuple[float, ...]) -> tuple[float, float]:
    """Q10 (yes, no) under the policy ``report``."""
    return labels.derived_report(fractions, GZ2.pooled[0])


def bulge_asked(votes: galaxy.Votes) -> tuple[float, float]:
    """Q10 (yes, no) under the policy ``asked``."""
    return labels.derived_asked(votes, GZ2.pooled[0])
