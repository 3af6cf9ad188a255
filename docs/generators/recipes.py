"""The keys of both recipes, from the classes that check them."""

import ast
import inspect
import json
import re
import textwrap
from dataclasses import is_dataclass
from importlib import import_module
from importlib.resources import files
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter

RECIPES = {
    "gzprep": ("gzprep.config", "Recipe", "a data set", "gzprep run"),
    "gztrain": ("gztrain.config", "TrainConfig", "a training run", "gztrain fit"),
}


def recipe_pages() -> dict[str, str]:
    """Pages by file name: one for the recipe of each package."""
    return {f"recipe-{package}.md": _page(package, *values) for package, values in RECIPES.items()}


def _page(package: str, module: str, name: str, what: str, command: str) -> str:
    recipe = getattr(import_module(module), name)
    schema = TypeAdapter(recipe).json_schema(mode="validation")
    head = (
        f"# Recipe of {what}\n\nEvery key of the recipe that `{command}` reads, with its default. `--set KEY=VALUE` "
        f"sets a key on the command line. `{package} recipes` lists the recipes that come with the package.\n"
    )
    tables = _tables(recipe(), schema["$defs"], schema["properties"], "")
    return "\n\n".join([head, *tables, *_examples(package)]) + "\n"


def _tables(part: Any, definitions: Any, properties: Any, prefix: str) -> list[str]:  # noqa: ANN401 -- JSON
    """The table of a part of the recipe, then those of the parts below it."""
    rows, below = [], []
    for key, kind in properties.items():
        value = getattr(part, key)
        if is_dataclass(value):
            inner = definitions[type(value).__name__]["properties"]
            below += _tables(value, definitions, inner, f"{prefix}{key}.")
        else:
            rows.append(f"| `{prefix}{key}` | {_default(value)} | {_kind(kind)} | {_doc(type(part), key)} |")
    title = f"## {prefix.rstrip('.') or 'Top level'}\n\n{_summary(type(part))}"
    table = "\n".join(["| key | default | allowed | meaning |", "|---|---|---|---|", *rows])
    return [title, *([table] if rows else []), *below]


def _kind(kind: Any) -> str:  # noqa: ANN401 -- JSON
    """What values a key takes, in words."""
    choices = [_kind(other) for other in kind.get("anyOf", ()) if other.get("type") != "null"]
    if choices:
        return " or ".join(choices)
    if "enum" in kind or "const" in kind:
        return ", ".join(f"`{value}`" for value in kind.get("enum", [kind.get("const")]))
    if kind.get("type") == "array":
        return _array(kind)
    names = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true`, `false`"}
    return names.get(kind.get("type"), "") + _bounds(kind)


def _array(kind: Any) -> str:  # noqa: ANN401 -- JSON
    if "prefixItems" in kind:
        return "two numbers, the smaller one first"
    return "list of " + _kind(kind["items"])


def _bounds(kind: Any) -> str:  # noqa: ANN401 -- JSON
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    bounds = [f"{word} {kind[key]:g}" for key, word in words.items() if key in kind and abs(kind[key]) < 1e9]
    return f" {' '.join(bounds)}" if bounds else ""


def _default(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value, default=str)}`"


def _doc(cls: type[Any], key: str) -> str:
    """What is said of a key: the string below its field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and getattr(field.target, "id", "") == key and isinstance(below, ast.Expr):
            return _prose(str(ast.literal_eval(below.value)))
    return ""


def _summary(cls: type[Any]) -> str:
    return _prose((cls.__doc__ or "").strip().partition("\n\n")[0])


def _prose(text: str) -> str:
    """A docstring as Markdown in one line, without ids of facts about the 2024 report."""
    plain = re.sub(r" \(F\d+(, F\d+)*\)", "", " ".join(text.split()))
    return plain.replace("``", "`").replace("|", "\\|")


def _examples(package: str) -> list[str]:
    """The recipes that come with the package, in full."""
    parts = ["\n## Recipes that come with the package\n"]
    for path in sorted(files(package).joinpath("recipes").iterdir(), key=lambda path: path.name):
        text = path.read_text(encoding="utf-8")
        parts.append(f":::{{dropdown}} {path.name.removesuffix('.toml')}\n```toml\n{text}```\n:::\n")
    return parts
