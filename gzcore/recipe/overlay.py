"""A recipe: a frozen pydantic dataclass, filled from TOML and from ``--set KEY=VALUE`` pairs.

Values are laid over the defaults key by key. A value that does not fit is an error of one sentence that names the key.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from gzcore.console import brief, shown
from gzcore.console.given import texts
from gzcore.errors import UsageError
from gzcore.storage.documents import DEEPEST, BadDocument, parse_toml, read_bytes
from gzcore.storage.places import Place, as_place

CHECKED = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)
"""How every table of a recipe is checked: no unknown key, no infinite number."""
Int = Annotated[int, Field(strict=True)]
"""A whole number; neither ``true`` nor ``1.0`` is taken for one."""
Range = tuple[float, float]
"""Smallest and largest value."""

_LARGEST = 1_000_000
"""Bytes of the largest recipe."""
_SHORT = 60
"""Letters of a value that a sentence shows a second time."""
Json = dict[str, Any]
RecipeT = TypeVar("RecipeT")


def read_recipe(  # noqa: PLR0913 -- what a package says of its recipes
    cls: type[RecipeT],
    path: Place | None,
    overrides: Iterable[str] = (),
    *,
    base: Mapping[str, Any] | None = None,
    example: str,
    files: Iterable[str] = (),
) -> RecipeT:
    """Read a recipe file over a base, and set ``KEY=VALUE`` pairs over both.

    Args:
        cls: the pydantic dataclass of the recipe; every key has a default.
        path: a TOML file; None: no file.
        overrides: ``KEY=VALUE`` pairs with dotted keys; the last one of a key wins.
        base: values that the file is laid over; None: the defaults alone.
        example: a pair that fits, for the message about one that does not.
        files: dotted keys that name a file; one that the recipe file names is looked for beside it, then where the
            command was given.

    Raises:
        UsageError: the file is absent or not TOML, a key is unknown, a value is unfit.
    """
    source = "The recipe" if path is None else f"The recipe {path}"
    values = lay_over(base or {}, {} if path is None else _beside(read_table(path), as_place(path), files))
    for pair in overrides:
        _assign(values, pair, example)
    return from_mapping(cls, values, source)


def from_mapping(cls: type[RecipeT], values: Mapping[str, Any], source: str = "the recipe") -> RecipeT:
    """Build a recipe from nested mappings laid over its defaults.

    Args:
        cls: the pydantic dataclass of the recipe.
        values: nested mappings, as TOML or JSON holds them.
        source: where they are from, for the message.

    Raises:
        UsageError: a key is unknown or a value unfit; the sentence names it.
    """
    defaults = _defaults(cls)
    try:
        return TypeAdapter(cls).validate_python(lay_over(defaults, values))
    except ValidationError as error:
        raise UsageError(_sentence(error, source, defaults)) from None


def lay_over(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
    """Lay tables over their defaults, key by key, so that naming one key of a table leaves the others as they are.

    Returns:
        New tables at every level: neither argument changes when the result does.
    """
    merged: Json = {
        key: lay_over(value, {}) if isinstance(value, Mapping) else value for key, value in defaults.items()
    }
    for key, value in values.items():
        below = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = lay_over(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def leaves(values: Mapping[str, Any], prefix: str = "") -> Json:
    """Dotted key and value of every value in nested mappings."""
    flat: Json = {}
    for key, value in values.items():
        flat |= leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _beside(values: Json, recipe: Place, files: Iterable[str]) -> Json:
    """Make names of files in a recipe file relative to its folder."""
    for key in files:
        *parents, last = key.split(".")
        table: Any = values
        for parent in parents:
            table = table.get(parent) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(table.get(last), str):
            table[last] = _place_beside(table[last], recipe)
    return values


def _place_beside(name: str, recipe: Place) -> str:
    """The place of a file that a recipe names; a word without a dot or a slash is the name of something known."""
    if "://" in name or not {".", "/", "\\"}.intersection(name):
        return name
    beside = recipe.parent / name
    return name if as_place(name).is_file() and not beside.is_file() else str(beside)


def as_pairs(settings: Mapping[str, Any] | Iterable[str]) -> list[str]:
    """``KEY=VALUE`` pairs of keys and their values; pairs themselves, or one of them, stay as they are.

    Args:
        settings: dotted keys, or tables of keys, and values; or pairs.
    """
    if isinstance(settings, Mapping):
        return [f"{key}={_as_toml(key, value)}" for key, value in leaves(settings).items()]
    return [*texts("set", settings)]


def _as_toml(key: str, value: Any) -> str:  # noqa: ANN401 -- what a program gives
    """A value as TOML has it, which is the JSON of all but None; letters stay, since TOML has no surrogates.

    JSON lets one control character through that TOML does not have; it is spelt out.
    """
    if value is None or (isinstance(value, list | tuple) and any(one is None for one in value)):
        raise UsageError(f"set has None for {key}, which no recipe can hold; leave the key out to have its default.")
    return json.dumps(value, default=_plain, ensure_ascii=False).replace("\x7f", r"\u007f")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Numbers of numpy as those of Python; anything else, such as a path, as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _defaults(cls: type[Any]) -> Json:
    return asdict(cls())


def _sentence(error: ValidationError, source: str, defaults: Json) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        siblings = ", ".join(_siblings(first["loc"], defaults))
        hint = _elsewhere(str(first["loc"][-1]), defaults)
        return f"{source} has the key {shown(key)}, which no recipe has; {hint}expected one of {siblings}."
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "dataclass_type":
        return f"{source} has {key} = {shown(first['input'])}, but {key} is a table of keys; {_inside(key, defaults)}."
    if first["type"] == "value_error":
        return f"{source} does not fit together: {message}."
    if first["type"] in ("tuple_type", "list_type"):
        message = f"a list is expected, in brackets{_as_list(key, first['input'])}"
    return f"{source} has {key} = {shown(first['input'])}, which does not fit: {message}."


def _as_list(key: str, value: Any) -> str:  # noqa: ANN401 -- what a recipe has
    """How to write a value as a list, if it is short."""
    text = json.dumps(value, default=str)
    return f", such as {key}=[{text}]" if isinstance(value, str | int | float) and len(text) <= _SHORT else ""


def _elsewhere(name: str, defaults: Json) -> str:
    """Where a key stands that was looked for at a wrong place; nothing if there is none of this name."""
    found = [key for key in leaves(defaults) if key.rpartition(".")[2] == name]
    return f"did you mean {' or '.join(found)}? If not, " if found else ""


def _inside(key: str, defaults: Json) -> str:
    """How a key of a table is named."""
    inside = [name for name in leaves(defaults) if name.startswith(f"{key}.")]
    return f"set one of {', '.join(inside)}" if inside else "set one of these"


def _siblings(location: tuple[int | str, ...], defaults: Json) -> Iterable[str]:
    """The keys of the table that an unknown key stands in."""
    table: Any = defaults
    for part in location[:-1]:
        table = table[part]
    return table  # type: ignore[no-any-return]


def read_table(path: Place) -> Json:
    """Read a TOML file without a look at its keys.

    Raises:
        UsageError: the file is absent or not TOML.
    """
    try:
        return parse_toml(read_bytes(as_place(path), _LARGEST))
    except OSError as error:
        raise UsageError(f"The recipe {path} cannot be read ({error.strerror}); name an existing file.") from None
    except BadDocument as error:
        raise UsageError(f"The recipe {path} cannot be used: {brief(error)}.") from None
    except ValueError as error:  # no TOML, no UTF-8, a number of 5,000 digits
        raise UsageError(f"The recipe {path} is not TOML: {brief(error)}.") from None


def _assign(values: Json, pair: str, example: str) -> None:
    key, equals, text = pair.partition("=")
    if not equals or not key:
        raise UsageError(f"--set got {shown(pair)}; expected KEY=VALUE, such as {example}.")
    *parents, last = key.strip().split(".")
    if len(parents) > DEEPEST:
        raise UsageError(f"--set got a key of {len(parents) + 1} parts; expected KEY=VALUE, such as {example}.")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UsageError(
                f"--set got the key {shown(key)}, but {shown(parent)} is a value and has no keys below it."
            )
    values[last] = _parse_value(text)


def _parse_value(text: str) -> Any:  # noqa: ANN401 -- any TOML value
    try:
        parsed = parse_toml(f"value = {text}".encode(errors="surrogateescape"))
    except ValueError:
        return text  # a bare word is a string: --set crop.encoding=png
    return parsed["value"] if len(parsed) == 1 else text
