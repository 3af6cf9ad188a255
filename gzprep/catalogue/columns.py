"""Columns of a table as Python values: texts, numbers and ids, whatever type the table stores them in.

A value that cannot be used becomes an :class:`Unfit` in its place, so that it costs its galaxy and not the run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gzcore.errors import GzError
from gzcore.storage.places import Place
from gzprep.catalogue.values import EXACT, FloatId, UnfitValue, canonical_id, is_null, parse_number, show, trim

Numbers = np.ndarray[Any, np.dtype[np.float64]]
EXACT_OF = {pa.float16(): 1 << 11, pa.float32(): 1 << 24, pa.float64(): EXACT}
"""From here on a type of floating-point numbers does not hold every integer."""
_UNREADABLE = (ValueError, OverflowError, pa.ArrowException)
"""What a value of pyarrow may raise on its way to Python: a date out of limits, text that is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A value that cannot be used, as it is shown in a message."""

    found: str


Text = str | Unfit | None
_ID = "id_str"
_FILE = r"^.*/|(?i:\.(?:jpe?g|png|fits?)(?:\.gz|\.fz)?)$"
"""What is not the name of an image in its path: folders and the ending."""


def plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece, without a dictionary."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    view = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}.get(array.type)
    return array if view is None else array.cast(view)


def _values(array: pa.Array) -> list[Any]:
    """Python values of an array, those that cannot be read as :class:`Unfit`."""
    try:
        return list(array.to_pylist())
    except _UNREADABLE:
        return [_value(item) for item in array]


def _value(item: pa.Scalar) -> Any:  # noqa: ANN401 -- any value of a table
    try:
        return item.as_py()
    except UnicodeDecodeError as error:
        return _not_utf8(error.object)
    except _UNREADABLE:
        return Unfit(f"a {item.type} out of limits")


def _decoded(value: Any) -> Any:  # noqa: ANN401 -- any value of a table
    """Bytes as text, or as :class:`Unfit` where they are not UTF-8."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _not_utf8(value)


def _not_utf8(data: bytes) -> Unfit:
    return Unfit(f"{show(data)}, which is not UTF-8")


def any_values(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """Values of a column: text where it is text or bytes."""
    array = plain(column)
    if not (pa.types.is_binary(array.type) or pa.types.is_fixed_size_binary(array.type) or is_large_binary(array.type)):
        return _values(array)
    try:
        return list(array.cast(pa.large_string() if is_large_binary(array.type) else pa.string()).to_pylist())
    except _UNREADABLE:
        return [_decoded(value) for value in array.to_pylist()]


def is_large_binary(kind: pa.DataType) -> bool:
    """Tell whether a type holds bytes with long offsets."""
    return bool(pa.types.is_large_binary(kind))


def texts(column: pa.ChunkedArray | pa.Array, *, keep_nulls: bool = False) -> list[Text]:
    """Texts of a column.

    Args:
        column: of any simple type.
        keep_nulls: ``NA`` and the like are text, as in names of files; None: they mean that there is no value.
    """
    values = any_values(column)
    if keep_nulls:
        return [value if value is None or isinstance(value, str | Unfit) else str(value) for value in values]
    return [_text(value) for value in values]


def _text(value: Any) -> Text:  # noqa: ANN401 -- any value of a table
    if value is None or isinstance(value, Unfit) or value != value:  # noqa: PLR0124 -- NaN
        return value if isinstance(value, Unfit) else None
    text = value if isinstance(value, str) else str(value)
    return None if is_null(trim(text)) else text


def ids(column: pa.ChunkedArray | pa.Array, path: Place, name: str = _ID) -> list[str | Unfit]:
    """Ids of a column in their one spelling.

    Args:
        column: of ids.
        path: the catalogue, for messages.
        name: what the column is called in the file.

    Raises:
        GzError: ids have passed through a column of floating-point numbers.
    """
    array = plain(column)
    if pa.types.is_integer(array.type) and not array.null_count:
        return list(array.cast(pa.string()).to_pylist())
    values = any_values(array)
    try:
        return [_id(value, EXACT_OF.get(array.type, EXACT), name) for value in values]
    except FloatId as error:
        raise GzError(
            f"The catalogue {path} holds ids as floating-point numbers ({error}), which lose digits; "
            f"write {name} as text or as integers."
        ) from None


def _id(value: Any, exact: int, name: str) -> str | Unfit:  # noqa: ANN401 -- any value of a table
    if isinstance(value, Unfit):
        return Unfit(f"column {name} is {value.found}; expected text")
    try:
        return canonical_id(value, exact)
    except UnfitValue as error:
        return Unfit(str(error).replace(f"column {_ID} ", f"column {name} ", 1))


def numbers(column: pa.ChunkedArray | pa.Array, *, comma: bool = False) -> tuple[Numbers, Mapping[int, str]]:
    """Numbers of a column, NaN where there is no value; and the values that are no numbers, by place."""
    array = plain(column)
    try:
        return _as_floats(array, comma=comma), {}
    except _UNREADABLE:
        return _one_by_one(any_values(array), comma=comma)


def _as_floats(array: pa.Array, *, comma: bool) -> Numbers:
    if pa.types.is_binary(array.type) or is_large_binary(array.type):
        array = array.cast(pa.large_string() if is_large_binary(array.type) else pa.string())
    if _is_text(array.type):
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)
        if comma:
            if pc.any(pc.match_substring(array, ".")).as_py():
                raise ValueError("points among decimal commas")
            array = pc.replace_substring(array, ",", ".")
    floats = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    values = np.array(floats, dtype=np.float64)
    values[np.isnan(values)] = np.nan  # one NaN, for rows are compared as bytes
    return values


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _one_by_one(values: Sequence[Any], *, comma: bool) -> tuple[Numbers, dict[int, str]]:
    result = np.full(len(values), np.nan)
    unfit: dict[int, str] = {}
    for place, value in enumerate(values):
        try:
            result[place] = _number(value, comma=comma)
        except UnfitValue as error:
            unfit[place] = str(error)
    return result, unfit


def _number(value: Any, *, comma: bool) -> float:  # noqa: ANN401 -- any value of a table
    if value is None:
        return np.nan
    if isinstance(value, Unfit):
        raise UnfitValue(value.found)
    return parse_number(value, comma=comma) if isinstance(value, str) else float(value)


SIMPLE: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_binary_view,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_null,
)
"""Types of ids and of numbers."""


def is_simple(kind: pa.DataType) -> bool:
    """Tell whether a type holds numbers or text, as an id or a number must be."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(test(kind) for test in SIMPLE)


def names_of_files(paths: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The names of image files, without their folders and endings, of a column of paths."""
    return pc.replace_substring_regex(plain(paths).cast(pa.string()), _FILE, "")


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether a type holds more than one value: a list, a struct, a map."""
    return bool(pa.types.is_nested(kind))
