"""Documents that a command opens: JSON files, whose content is not trusted.

A document may come from another person. Its kind, size and depth are checked before it is parsed. A pydantic model then
checks its content once, where it is opened. What is wrong becomes one sentence with the file, the key, what came and
what was expected.
"""

import json
import math
import os
import re
import stat
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gzcore.console import brief
from gzcore.errors import GzError
from gzcore.machine import OPEN_TO_READ
from gzcore.storage.places import Place, Url

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

LARGEST = 32_000_000
"""Bytes of the largest document that is read. A manifest of 100,000 shards has about 20 MB."""
DEEPEST = 64
"""Levels of nesting in a document."""
_SHOWN = 80
"""Characters of a value or key that a sentence shows."""
_INT64 = range(-(2**63), 2**63)
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_KEYS = re.compile(rb"[A-Za-z0-9_\-\"' \t.]+")
"""Stretches of TOML in which a dotted key may stand."""
_COMMENT_LINES = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""An escape that may be a NUL character, or half of a surrogate pair."""

ModelT = TypeVar("ModelT", bound="BaseModel")


class BadDocument(ValueError):
    """A document cannot be used. The message completes the sentence "FILE is damaged (...)"."""


def read_bytes(place: Place, most: int = LARGEST) -> bytes:
    """Read a regular file, or an object in a bucket, of a limited size.

    Raises:
        FileNotFoundError: it does not exist.
        BadDocument: it is too large, or not a regular file: a pipe would wait for ever, a device would never end.
        OSError: it cannot be read.
    """
    data = place.read(0, most + 1) if isinstance(place, Url) else _read_file(place, most + 1)
    if len(data) > most:
        raise BadDocument(f"it has more than {most} bytes")
    return data


def _read_file(path: Path, size: int) -> bytes:
    descriptor = os.open(path, OPEN_TO_READ)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadDocument("it is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(size)
    finally:
        os.close(descriptor)


def parse_json(data: bytes) -> Any:  # noqa: ANN401 -- any JSON value
    """Parse JSON more strictly than Python does.

    Raises:
        BadDocument: it is not UTF-8 or not JSON, is nested too deep, names a key twice, or holds a number that is not
            finite or not of 64 bits, or a character that no text may hold.
    """
    if nesting(data) > DEEPEST:
        raise BadDocument(f"it is nested deeper than {DEEPEST} levels")
    try:
        value = json.loads(
            data.decode(),
            parse_constant=_constant,
            parse_float=_finite,
            parse_int=_int64,
            object_pairs_hook=_object,
        )
    except BadDocument:
        raise
    except UnicodeDecodeError:
        raise BadDocument("it is not UTF-8") from None
    except ValueError:
        raise BadDocument("it is not JSON") from None
    if _SUSPECT.search(data):
        _check_texts(value)
    return value


def nesting(data: bytes) -> int:
    """How deep brackets are nested, at most; more where the text is not JSON."""
    if data.count(b"[") + data.count(b"{") <= DEEPEST:
        return 0
    brackets = _STRINGS.sub(b"", data).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _constant(text: str) -> float:
    raise BadDocument(f"it holds {text}, which is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadDocument(f"its number {_short(text)} is too large")
    return number


def _int64(text: str) -> int:
    if len(text) > 20 or int(text) not in _INT64:
        raise BadDocument(f"its number {_short(text)} is too large")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in value if keys.count(key) > 1)
        raise BadDocument(f"it has the key {_short(repr(twice))} twice")
    return value


def _check_texts(value: object) -> None:
    if isinstance(value, str):
        if "\0" in value or re.search("[\ud800-\udfff]", value):
            raise BadDocument("it holds a character that no text may hold")
    elif isinstance(value, Mapping):
        for key, below in value.items():
            _check_texts(key)
            _check_texts(below)
    elif isinstance(value, list):
        for below in value:
            _check_texts(below)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def parse_toml(data: bytes) -> dict[str, Any]:
    """Parse TOML that is not nested too deep, neither by brackets nor by the dots of a key.

    Raises:
        ValueError: it is not TOML, or too deep (a :class:`BadDocument`).
    """
    import tomllib

    runs = _KEYS.findall(_COMMENT_LINES.sub(b"", data))  # for a key of many parts, tomllib takes gigabytes
    if max(nesting(data), max((run.count(b".") for run in runs), default=0)) > DEEPEST:
        raise BadDocument(f"it is nested deeper than {DEEPEST} levels")
    return tomllib.loads(data.decode("utf-8-sig"))


# ---------------------------------------------------------------- content


def fit(model: "type[ModelT]", value: object) -> ModelT:
    """Check the content of a document.

    Args:
        model: what is expected.
        value: what came.

    Raises:
        BadDocument: it does not fit; the message names the first key that does not, and its value.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise BadDocument(first_fault(error)) from None


def first_fault(error: "ValidationError") -> str:
    """The first thing that does not fit, with its key."""
    errors = error.errors(include_url=False)
    first = errors[0]
    key = _key(first["loc"]) or "it"
    if first["type"] == "missing":
        beside = [other["loc"] for other in errors if other["type"] == "extra_forbidden"]
        unknown = next((_key(loc) for loc in beside if loc[:-1] == first["loc"][:-1]), None)
        return f"it has no {key}" + (f", and {unknown} is not known" if unknown else "")
    if first["type"] == "value_error":
        said = str(first["msg"]).removeprefix("Value error, ")
        return f"{key}: {said}" if first["loc"] else said
    if first["type"] == "extra_forbidden":
        return f"{key} is not known"
    shown = isinstance(first["input"], str | int | float | None)
    came = f" is {_short(repr(first['input']))}" if shown else ""
    return f"{key}{came}: {first['msg']}"


def _key(location: tuple[int | str, ...]) -> str:
    """A key as a sentence names it: dotted, and empty for the whole document."""
    return _short(".".join(map(str, location)))


def read_document(place: Place, model: "type[ModelT]", remedy: str) -> tuple[ModelT, Any]:
    """Read a JSON document and check it.

    Args:
        place: the file.
        model: what is expected.
        remedy: what to do if it is damaged, such as ``remove it and evaluate again``.

    Returns:
        What was expected; and the whole document, which may say more.

    Raises:
        FileNotFoundError: it does not exist.
        GzError: it cannot be read or does not fit.
    """
    try:
        value = parse_json(read_bytes(place))
        return fit(model, value), value
    except FileNotFoundError:
        raise
    except OSError as error:
        raise GzError(f"{place} cannot be read ({error.strerror or error}).") from None
    except BadDocument as error:
        raise GzError(f"{place} is damaged ({brief(error)}); {remedy}.") from None
