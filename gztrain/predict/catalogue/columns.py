"""The columns of the catalogue: names as Galaxy Zoo has them, with types, units, UCDs and descriptions.

UCDs are those of the IVOA's list (UCD1+ 1.5). A fraction has no unit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa

from gzcore.dataset.tree import Question
from gzcore.errors import UsageError
from gztrain.data.dataset import Scheme
from gztrain.data.labels import classes
from gztrain.predict.catalogue.source import Source, carried_as

_POSITION = {"ra": "pos.eq.ra;meta.main", "dec": "pos.eq.dec;meta.main"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the catalogue.

    Attributes:
        name: unique.
        kind: type of its values.
        description: a sentence.
        ucd: what kind of quantity it is; "" where that is not known.
        unit: "" for a number without a unit.
    """

    name: str
    kind: pa.DataType
    description: str
    ucd: str = ""
    unit: str = ""

    def field(self) -> pa.Field:
        """As a column of a parquet file."""
        told = {"description": self.description, "ucd": self.ucd, "unit": self.unit}
        return pa.field(self.name, self.kind, metadata={key: text for key, text in told.items() if text})


def columns_of(
    source: Source, scheme: Scheme, *, doubt: bool, picture: bool = False, members: int = 1
) -> tuple[Column, ...]:
    """All columns, in their order.

    Args:
        source: the catalogue that is read.
        scheme: the questions that the model answers.
        doubt: whether distances to the training set are known.
        picture: whether it is known what pictures of the training set look like.
        members: number of models that are averaged.

    Raises:
        UsageError: a column that is kept has the name of one that is made.
    """
    questions = (column for question in scheme.questions for column in _of_question(question, members))
    doubts = (_of_first(column, members) for column in (*(_doubt() if doubt else ()), *(_PICTURE if picture else ())))
    made = (*questions, *doubts, *_LAST)
    _refuse_kept(source, {column.name for column in made})
    return (*_carried(source), *made)


def _refuse_kept(source: Source, made: set[str]) -> None:
    """Refuse to keep a column under a name that the output has for something else: one of them would be lost."""
    for name in source.keep:
        if name in made or (name == "id" and source.identity != "id"):
            raise UsageError(
                f"--keep {name}: the output has a column of this name for something else; rename it in {source.path}."
            )


def _carried(source: Source) -> Iterator[Column]:
    yield Column("id", pa.string(), "The galaxy, as the catalogue names it", "meta.id;meta.main")
    for name in source.carried:
        field = source.schema.field(name)
        told = {key.decode(): text.decode() for key, text in (field.metadata or {}).items()}
        ucd, unit = told.get("ucd", _POSITION.get(name, "")), told.get("unit", "deg" if name in _POSITION else "")
        kind = carried_as(name, field.type) or field.type
        yield Column(name, kind, told.get("description", f"{name} of the catalogue"), ucd, unit)


def _of_first(column: Column, members: int) -> Column:
    """A column that says so where it is known of the first of several models alone."""
    said = f"{column.description} (of the first of the {members} models)"
    return replace(column, description=said) if members > 1 else column


def _of_question(question: Question, members: int) -> Iterator[Column]:
    title = question.title.rstrip("?")
    yield Column(
        f"{question.name}_asked",
        pa.float32(),
        f"{title}: chance that a volunteer is asked this, along the decision tree",
        "stat.probability",
    )
    usual = Column(
        f"{question.name}_expected-votes",
        pa.float32(),
        f"{title}: votes expected if as many volunteers see the galaxy as usual (USUALVOT)",
        "meta.number;stat.mean",
    )
    yield _of_first(usual, members)
    for answer in question.answers:
        yield from _of_answer(question, title, answer, members)


def _of_answer(question: Question, title: str, answer: str, members: int) -> Iterator[Column]:
    name, words = f"{question.name}_{answer}", f"{title}: {answer}"
    note = "" if answer in classes(question) else "; the model was not taught this answer, so it hardly varies"
    yield Column(
        f"{name}_fraction",
        pa.float32(),
        f"{words}, expected fraction of the votes of those who are asked{note}",
        "stat.probability;src.morph",
    )
    for end, ucd in (("low", "stat.min"), ("high", "stat.max")):
        text = f"{words}, {'lower' if end == 'low' else 'upper'} end of the interval for the fraction (LEVEL)"
        yield Column(f"{name}_{end}", pa.float32(), text, f"stat.probability;src.morph;{ucd}")
    if members > 1:
        text = f"{words}, standard deviation of the fraction over the {members} models"
        yield Column(f"{name}_spread", pa.float32(), text, "stat.stdev;stat.probability;src.morph")


def _doubt() -> Iterator[Column]:
    yield Column(
        "feature_distance",
        pa.float32(),
        "Distance of the image to the training set: to the fifth nearest training galaxy, in whitened features",
        "stat.value",
    )
    yield Column(
        "feature_distance_quantile",
        pa.float32(),
        "Share of the validation galaxies that are as near to the training set, or nearer; 1: unlike all of them",
        "stat.rank",
    )


_PICTURE = (
    Column(
        "picture_distance",
        pa.float32(),
        "Distance of the picture to those of the training set: by grain and share of black, whatever the galaxy is",
        "stat.value",
    ),
    Column(
        "picture_distance_quantile",
        pa.float32(),
        "Share of the validation galaxies whose pictures are as near to those of the training set, or nearer; 1: none "
        "is farther",
        "stat.rank",
    ),
)

_LAST = (
    Column(
        "other_size",
        pa.int16(),
        "1: the image has another size than those of the training, 0: the same, -1: that is not known",
        "meta.code",
    ),
    Column("reason", pa.string(), "Why there is no prediction; empty where there is one", "meta.note"),
)


# ------------------------------------------------------------ the header of a VOTable in a parquet file

_VOTABLE_TYPES = {
    pa.string(): 'datatype="unicodeChar" arraysize="256*"',  # astropy reads no texts of any length here
    pa.bool_(): 'datatype="boolean"',
    pa.float32(): 'datatype="float"',
    pa.float64(): 'datatype="double"',
    pa.int8(): 'datatype="short"',
    pa.uint8(): 'datatype="unsignedByte"',
    pa.int16(): 'datatype="short"',
    pa.uint16(): 'datatype="int"',
    pa.int32(): 'datatype="int"',
    pa.uint32(): 'datatype="long"',
    pa.int64(): 'datatype="long"',
    pa.uint64(): 'datatype="long"',
    pa.float16(): 'datatype="float"',
}


def votable_header(columns: Sequence[Column], told: dict[str, str]) -> bytes:
    """A VOTable without rows, which parquet files carry by a convention of the IVOA (VOParquet 1.0)."""
    fields = "".join(_field(column) for column in columns)
    infos = "".join(f"<INFO name={quoteattr(name)} value={quoteattr(text)}/>" for name, text in told.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{infos}<TABLE>{fields}<DATA><TABLEDATA/></DATA></TABLE></RESOURCE></VOTABLE>\n'
    ).encode()


def _field(column: Column) -> str:
    optional = "".join(
        f" {key}={quoteattr(text)}" for key, text in (("ucd", column.ucd), ("unit", column.unit)) if text
    )
    text = escape(column.description)
    name, kind = quoteattr(column.name), _VOTABLE_TYPES[column.kind]
    return f"<FIELD name={name} {kind}{optional}><DESCRIPTION>{text}</DESCRIPTION></FIELD>"
