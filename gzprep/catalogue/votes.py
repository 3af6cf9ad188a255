"""Votes of many galaxies from the columns of a catalogue: fractions, counts and totals."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gzcore.dataset.tree import Question
from gzprep.catalogue.columns import Numbers
from gzprep.catalogue.galaxy import ROUNDING
from gzprep.catalogue.names import questions
from gzprep.catalogue.piece import Piece
from gzprep.catalogue.question import SurveyQuestion
from gzprep.catalogue.values import show, trim

SURE = 1e-6
"""A cumulative fraction below this is that of an answer that no volunteer gave."""


def votes_of(piece: Piece) -> tuple[Numbers, Numbers, Numbers]:
    """Fractions, counts and totals of N rows: float64 [N, answers], [N, answers], [N, questions]; NaN: not known."""
    counts = {name: piece.numbers(name) for name in piece.survey.count_columns}
    totals = {question.total_column: _total(piece, question, counts) for question in piece.survey.asked}
    fractions = [
        column
        for question, entry in questions(piece.survey)
        for column in _fractions(piece, question, entry, counts, totals[question.total_column])
    ]
    return np.stack(fractions, 1), np.stack(list(counts.values()), 1), np.stack(list(totals.values()), 1)


def debiased_of(piece: Piece) -> Numbers:
    """Debiased fractions of N rows, float64 [N, answers], NaN: not known; [N, 0] where the catalogue has none."""
    columns = piece.survey.debiased_columns
    if not set(columns).issubset(piece.table.schema.names):
        return np.empty((piece.table.num_rows, 0))
    return np.stack(list(map(piece.numbers, columns)), 1)


def _fractions(
    piece: Piece, question: Question, entry: SurveyQuestion, counts: Mapping[str, Numbers], total: Numbers
) -> Iterator[Numbers]:
    """The fractions of a question, as its columns tell them."""
    own = entry.columns
    if own is not None and own.classes:
        yield from _from_classes(piece, question, own.words or question.answers)
    elif own is not None and own.share:
        share = piece.numbers(question.fraction_columns[0])
        yield from (share, 1 - share)
    elif set(question.fraction_columns).issubset(piece.table.schema.names):
        columns = list(map(piece.numbers, question.fraction_columns))
        yield from _apart(columns) if piece.survey.cumulative and entry.leads else columns
    else:
        yield from _from_counts(piece, question, counts, total)


def _apart(columns: list[Numbers]) -> Iterator[Numbers]:
    """Divide cumulative fractions by their sum: that of the answers that lead to their question, up to rounding."""
    total = sum(columns)
    divisor = np.where(total > SURE, total, np.nan)
    return (column / divisor for column in columns)


def _from_classes(piece: Piece, question: Question, words: Sequence[str]) -> Iterator[Numbers]:
    """1 for the answer that is named and 0 for the others; NaN where none is named; ``words`` are the names."""
    named = [None if text is None else trim(text) for text in piece.texts(question.name)]
    for place, name in enumerate(named):
        if name is not None and name not in words:
            expected = ", ".join(words[:10]) + (", ..." if len(words) > 10 else "")
            piece.note(place, f"column {piece.called(question.name)} is {show(name)}; expected one of {expected}")
    known = np.where([name is None for name in named], np.nan, 1.0)
    for word in words:
        yield known * np.array([name == word for name in named], dtype=np.float64)


def _total(piece: Piece, question: Question, counts: Mapping[str, Numbers]) -> Numbers:
    if question.total_column in piece.table.schema.names:
        return piece.numbers(question.total_column)
    total = np.zeros(piece.table.num_rows)
    for name in question.columns:  # one after the other, as the sum of a list; NaN where there are no counts
        total = total + counts[name]
    return total


def _from_counts(piece: Piece, question: Question, counts: Mapping[str, Numbers], total: Numbers) -> Iterator[Numbers]:
    """The counts of a question, divided by their total."""
    divisor = np.where(total > 0, total, np.nan)
    for name in question.columns:
        with np.errstate(invalid="ignore"):  # infinite counts, which are refused, over an infinite total
            shares = counts[name] / divisor
        for place in np.flatnonzero(shares > 1 + ROUNDING).tolist():
            count, most = show(float(counts[name][place])), show(float(total[place]))
            piece.note(
                place, f"column {piece.called(name)} is {count}; expected {most} at most, the votes of its question"
            )
        yield shares
