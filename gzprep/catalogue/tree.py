"""The Galaxy Zoo 2 decision tree, as ``surveys/gz2.toml`` has it."""

from gzcore.dataset.tree import Question
from gzprep.catalogue.surveys import GZ2

QUESTIONS = GZ2.tree
CATALOGUE_QUESTIONS = GZ2.asked
FRACTION_NAMES = GZ2.fraction_names
LABEL_NAMES = GZ2.label_names
WIDTHS = GZ2.widths
FEATURES = GZ2.features
SCHEMES = GZ2.questions_of_schemes
scheme_labels = GZ2.scheme_labels


def label_slice(question: Question) -> slice:
    """Where the labels of a question stand in the 22."""
    return GZ2.label_slices[question.index]


def fraction_slice(question: Question) -> slice:
    """Where the fractions of a question stand in the 32."""
    return GZ2.fraction_slices[question.index]
