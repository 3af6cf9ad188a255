"""Plain data in a file of JSON or YAML: texts, numbers, lists and mappings. Nothing in such a file is ever run."""

import math
from collections.abc import Iterator
from typing import Any

from gzcore.console import brief
from gzcore.storage.documents import DEEPEST, BadDocument, parse_json, read_bytes
from gzcore.storage.places import Place

LARGEST = 1_000_000
"""Bytes of the largest file of plain data."""
MOST_VALUES = 20_000
"""Values in a document: a short YAML file can stand for billions, through its aliases."""


def read_plain(place: Place) -> Any:  # noqa: ANN401 -- any JSON value
    """Read a file: JSON if its name ends in ``.json``, else YAML.

    Raises:
        OSError: it cannot be read.
        BadDocument: it is too large, or holds more than plain data.
    """
    data = read_bytes(place, LARGEST)
    value = parse_json(data) if place.suffix.lower() == ".json" else parse_yaml(data)
    return plain(value)


def parse_yaml(data: bytes) -> Any:  # noqa: ANN401 -- any value of YAML
    """Parse YAML that holds plain data.

    Raises:
        BadDocument: it is not YAML, or asks for an object of Python.
    """
    import yaml

    if b"<<" in data:  # a few of them can fill the memory
        raise BadDocument("it has a merge key (<<); write its values out")
    try:
        return yaml.safe_load(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadDocument("it is not UTF-8") from None
    except RecursionError:
        raise BadDocument(f"it is nested deeper than {DEEPEST} levels") from None
    except yaml.YAMLError as error:
        raise BadDocument(f"it is not YAML of plain data: {_reason(error)}") from None
    except ValueError as error:  # a date such as 2026-99-99
        raise BadDocument(f"it is not YAML of plain data: {brief(error)}") from None


def _reason(error: Exception) -> str:
    """What PyYAML complains of, and where, in one line."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}" if mark is not None else ""
    return f"{problem or str(error).splitlines()[0]}{where}"


def plain(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Check that a value is one that JSON can hold; tuples become lists.

    Raises:
        BadDocument: it is too large, or holds a date, a set, a key that is no text, a number that is not finite.
    """
    return _plain(value, iter(range(MOST_VALUES)), DEEPEST)


def _plain(value: Any, budget: Iterator[int], levels: int) -> Any:  # noqa: ANN401 -- any JSON value
    if levels == 0:
        raise BadDocument(f"it is nested deeper than {DEEPEST} levels")
    if next(budget, None) is None:
        raise BadDocument(f"it holds more than {MOST_VALUES} values")
    if isinstance(value, dict):
        return {_key(key): _plain(below, budget, levels - 1) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(below, budget, levels - 1) for below in value]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise BadDocument(f"it holds {str(value)[:40]!r}; expected texts, numbers, lists and mappings")


def _key(key: Any) -> str:  # noqa: ANN401 -- any key of YAML
    if not isinstance(key, str):
        raise BadDocument(f"it has the key {str(key)[:40]!r}, which is no text")
    return key
