"""Which columns of a catalogue are ids, paths and labels: as the user says, or as their names tell."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from gzcore.console import printable
from gzcore.errors import UsageError
from gzcore.storage.places import Place
from gzprep.catalogue.find import name_of
from gzprep.catalogue.own_columns import look_at
from gzprep.catalogue.own_labels import survey_of_columns, unlabelled
from gzprep.catalogue.question import Columns
from gzprep.catalogue.read import raw_schema
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import survey_of

ID_NAMES = ("id_str", "id", "galaxy_id", "objid", "iauname", "dr8_id", "dr7objid", "GalaxyID")
"""Columns that are taken for ids, the first that is there."""
PATH_NAMES = ("file_loc", "path", "image_path", "filepath", "file_path", "file_name", "file")
"""Columns that are taken for paths of images where there is no filename, the first that is there."""
_LONGEST = 80
"""Letters of a name that a sentence shows."""
NONE = "none"
"""In place of the names of columns of labels: there are none."""


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """What a user says of the columns of a catalogue.

    Attributes:
        labels: names of columns; ``("none",)``: no labels; None: those of the survey.
        id: column of ids; None: the survey's, or one that is called so.
        path: column of paths of images; None: the same.
    """

    labels: tuple[str, ...] | None = None
    id: str | None = None
    path: str | None = None


def read_labels(given: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """The columns of ``--labels A,B``, or of a list of names.

    Raises:
        UsageError: a name is empty or there twice, or no text.
    """
    if given is None:
        return None
    several = given.split(",") if isinstance(given, str) else given if isinstance(given, Iterable) else ()
    names = tuple(name.strip() if isinstance(given, str) else name for name in several)
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise UsageError(
            f"--labels got {given!r}; expected names of columns, each once, such as ring,bar; or the word none, for "
            "images without labels."
        )
    return names


def choose_columns(survey: Survey, paths: Sequence[Place], own: OwnColumns) -> Survey:
    """Fit a survey to the columns of catalogues, or make one of the user's own labels.

    Args:
        survey: the one that was chosen.
        paths: the catalogues.
        own: what the user says.

    Returns:
        The same survey where nothing is to be changed.

    Raises:
        GzError: a catalogue cannot be read.
        UsageError: a column is not there, or no question can be made of it.
    """
    schema = raw_schema(paths[0])
    wanted = [name for name in (own.id, own.path, *_labels(own)) if name is not None]
    for path in paths:
        _refuse_absent(path, wanted, raw_schema(path).names)
    if own.labels is not None:
        survey = _own_survey(paths, own)
    changes = _path_change(survey, schema, own.path)
    changes |= _id_change(survey, schema, own.id, changes.get("path_column", survey.path_column or "filename"))
    return survey_of({**survey.document(), **changes}, f"The catalogue {paths[0]}") if changes else survey


def told(before: Survey, survey: Survey) -> Iterator[str]:
    """Yield what a user is told of a catalogue: questions that were made, and columns that were taken."""
    if survey is before:
        return
    if survey.own_labels:
        answers = (f"{question.title} ({', '.join(question.answers)})" for question in survey.tree)
        made = "; ".join(answers)
        yield printable("Labels: none." if survey.questions[0].columns == Columns(unknown=True) else f"Labels: {made}.")
    if survey.ids_are_files:
        yield printable(f"Ids are the names of the files in the column {survey.id_column}, without their endings.")
    elif survey.id_column != before.id_column:
        yield printable(f"Ids are those of the column {survey.id_column}.")
    if survey.path_column != before.path_column:
        yield printable(f"Paths of images are those of the column {survey.path_column}.")
    if survey.image_file != before.image_file:
        yield "Images are found by the ids, since no column has their paths."


def _labels(own: OwnColumns) -> tuple[str, ...]:
    return () if own.labels in {None, (NONE,)} else own.labels or ()


def _own_survey(paths: Sequence[Place], own: OwnColumns) -> Survey:
    stem = name_of(paths[0])
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:60] or "own"
    labels = _labels(own)
    return survey_of_columns(name, stem, look_at(paths, labels)) if labels else unlabelled(name, stem)


def _refuse_absent(path: Place, wanted: Sequence[str], names: Sequence[str]) -> None:
    absent = [name for name in wanted if name not in names]
    if absent:
        shown = ", ".join(name[:_LONGEST] for name in names[:12]) + (", ..." if len(names) > 12 else "")
        raise UsageError(f"The catalogue {path} has no column {absent[0]}; it has {shown}.")


def _id_change(survey: Survey, schema: pa.Schema, wanted: str | None, paths: str) -> dict[str, str]:
    """The column of ids; that of paths where there is no other."""
    if wanted is None and survey.id_column in schema.names:
        return {}
    found = wanted or next((name for name in (*ID_NAMES, paths) if name in schema.names), survey.id_column)
    return {} if found == survey.id_column else {"id_column": found}


def _path_change(survey: Survey, schema: pa.Schema, wanted: str | None) -> dict[str, str]:
    if wanted is not None:
        return {"path_column": wanted}
    known = survey.path_column or "filename"
    if known in schema.names or survey.image_file is not None:
        return {}
    found = next((name for name in PATH_NAMES if name in schema.names and not _is_nested(schema, name)), None)
    return {"image_file": "{id}"} if found is None else {"path_column": found}


def _is_nested(schema: pa.Schema, name: str) -> bool:
    return bool(pa.types.is_nested(schema.field(name).type))
