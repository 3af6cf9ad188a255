"""Rows of a catalogue as galaxies. A value that cannot be used rejects its galaxy, with the column and the value."""

import math
from collections.abc import Iterator, Sequence

from gzprep.catalogue.columns import Unfit, ids
from gzprep.catalogue.galaxy import Galaxy, Reason, Rejection, RejectionStage, Split, Votes
from gzprep.catalogue.measures import measures_in, measures_of
from gzprep.catalogue.names import EXTRAS, POSITIONS, wanted
from gzprep.catalogue.piece import Piece
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.votes import debiased_of, votes_of

_BATCH = 256
"""Galaxies that are made at a time."""


def placeholder(split: Split, row: int) -> str:
    """The name of a galaxy whose row has no usable id."""
    return f"(row {row} of {split})"


def galaxy_ids(piece: Piece) -> list[str]:
    """The ids of some rows, in their one spelling; a placeholder where a row has none.

    Raises:
        GzError: ids have passed through a column of floating-point numbers.
    """
    values = enumerate(ids(piece.table["id_str"], piece.path, piece.called("id_str")), piece.first)
    return [placeholder(piece.split, row) if isinstance(value, Unfit) else value for row, value in values]


def galaxies(piece: Piece) -> Iterator[Galaxy]:
    """Yield the galaxies of some rows.

    Raises:
        GzError: ids have passed through a column of floating-point numbers.
    """
    names = ids(piece.table["id_str"], piece.path, piece.called("id_str"))
    votes = (*votes_of(piece), debiased_of(piece))
    places = (piece.texts("subfolder", keep_nulls=True), _filenames(piece, names))
    extras = list(zip(*(_extra(piece, name) for name in EXTRAS), strict=True))
    measured = measures_in(piece.table.schema, wanted(piece.survey).values())
    measures = measures_of(piece.table, measured, comma=piece.comma)
    for start in range(0, len(names), _BATCH):
        some = [numbers[start : start + _BATCH].tolist() for numbers in votes]
        for place, fractions, counts, totals, debiased in zip(range(start, start + _BATCH), *some, strict=False):
            galaxy_id, subfolder, filename = names[place], places[0][place] or "", places[1][place] or ""
            if place in piece.unfit or isinstance(galaxy_id, Unfit):
                yield _rejected(piece, place, galaxy_id, subfolder, filename)
            else:
                values = Votes(tuple(fractions), tuple(counts), tuple(totals), tuple(debiased))
                own = (extras[place], None, measures[place])
                yield Galaxy(galaxy_id, piece.split, subfolder, filename, values, *own)


def _filenames(piece: Piece, names: Sequence[str | Unfit]) -> list[str | None]:
    """Names of images: as they follow from the ids where the survey says so, or else as the catalogue has them."""
    pattern = piece.survey.image_file
    if pattern is None or piece.survey.path_column is not None:
        return piece.texts("filename", keep_nulls=True)
    return [None if isinstance(name, Unfit) else pattern.replace("{id}", name) for name in names]


def _rejected(piece: Piece, place: int, galaxy_id: str | Unfit, subfolder: str, filename: str) -> Galaxy:
    """A galaxy whose row cannot be used: without votes, and with the reason."""
    row = piece.first + place
    if isinstance(galaxy_id, Unfit):
        reason, what, name = Reason.BAD_ID, galaxy_id.found, placeholder(piece.split, row)
    else:
        reason, what, name = Reason.BAD_VALUE, piece.unfit[place], galaxy_id
    rejection = Rejection(RejectionStage.CATALOGUE, reason, f"row {row}: {what}")
    return Galaxy(name, piece.split, subfolder, filename, _no_votes(piece.survey), (None,) * len(EXTRAS), rejection)


def _no_votes(survey: Survey) -> Votes:
    unknown = (math.nan,) * len(survey.fraction_columns)
    return Votes(unknown, unknown, (math.nan,) * len(survey.asked))


def _extra(piece: Piece, name: str) -> Sequence[str | float | None]:
    if name not in POSITIONS:
        return piece.texts(name)
    return [None if math.isnan(value) else value for value in piece.numbers(name).tolist()]
