"""The Flex Template: what Google's console asks for, derived from the recipe's dataclasses; and back to a command line.

A parameter is a key of the recipe with its dots as underscores: ``views.count`` is ``views_count``. What the launcher
passes beside them (project, region, where to stage) is Beam's, and goes through untouched.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from gzcore.errors import UsageError
from gzcore.storage.atomic import appearing, sweep, writing
from gzcore.storage.places import Place
from gzprep.config import Recipe

Json = dict[str, Any]
_NUMBER = r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"
_PLACE = r"^(gs|s3)://.+$"


@dataclass(frozen=True)
class Parameter:
    """A parameter of the template.

    Attributes:
        name: as the console shows it.
        key: the recipe's key; empty: an option of ``gzprep run`` of the same name.
        help: what it is.
        regex: what a value looks like.
        kind: what the console makes of it.
        optional: whether it may be left away.
    """

    name: str
    key: str
    help: str
    regex: str
    kind: str = "TEXT"
    optional: bool = True


OPTIONS = (
    Parameter("data", "", "Folder with catalogues and images.", _PLACE, "GCS_READ_FOLDER", optional=False),
    Parameter("out", "", "Dataset folder to make.", _PLACE, "GCS_WRITE_FOLDER", optional=False),
    Parameter("recipe", "", "A recipe, such as gz2-vit, or a TOML file; the keys below are set over it.", "^.+$"),
    Parameter("catalogue", "", "One catalogue, in place of those in the data folder.", _PLACE, "GCS_READ_FILE"),
    Parameter("split", "", "Whose galaxies the one catalogue holds.", "^(train|test)$"),
    Parameter("labels", "", "Columns of labels of your own catalogue, in place of a survey; or the word none.", "^.+$"),
    Parameter("id_column", "", "Column of ids of your own catalogue.", "^.+$"),
    Parameter("path_column", "", "Column of paths of images of your own catalogue.", "^.+$"),
    Parameter("fleet", "", "TOML file of worker options.", _PLACE, "GCS_READ_FILE"),
)
"""Options of ``gzprep run`` that make sense from far away."""


def parameters() -> tuple[Parameter, ...]:
    """Every parameter: the options, then all keys of the recipe."""
    schema = TypeAdapter(Recipe).json_schema()
    return (*OPTIONS, *_of_recipe(Recipe(), schema, schema.get("$defs", {})))


def _of_recipe(values: Any, table: Json, tables: Json, prefix: str = "", above: str = "") -> Iterator[Parameter]:  # noqa: ANN401 -- any dataclass
    """The keys of a table of the recipe, by its JSON schema; its defaults are those of ``values``."""
    for name, field in table["properties"].items():
        key, value = f"{prefix}{name}", getattr(values, name)
        text = f"{above} {_as_line(field.get('description', ''))}".strip()
        if "$ref" in field:
            below = tables[field["$ref"].rpartition("/")[2]]
            yield from _of_recipe(value, below, tables, f"{key}.", text)
        else:
            default = "" if value is None else f" Default: {_as_text(value)}."
            yield Parameter(key.replace(".", "_"), key, f"{text}{default}".strip(), _regex(field))


def _as_line(text: str) -> str:
    return " ".join(text.replace("``", "").split())


def _as_text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


_REGEX = {
    "array": rf"^{_NUMBER}( *, *{_NUMBER})*$",
    "string": "^.+$",
    "number": f"^{_NUMBER}$",
    "integer": "^-?[0-9]+$",
    "object": "^.+$",  # the name of a file that holds it
}


def _regex(field: Json) -> str:
    """What a value looks like, by its type; what it may be is judged by the recipe itself."""
    if "enum" in field:
        return f"^({'|'.join(field['enum'])})$"
    if field.get("items") == {"type": "string"}:
        return "^.*$"
    if "enum" in field.get("items", {}):
        word = f"({'|'.join(field['items']['enum'])})"
        return f"^{word}( *, *{word})*$"
    kinds = [field["type"]] if "type" in field else [choice["type"] for choice in field["anyOf"]]
    return next(_REGEX[kind] for kind in kinds if kind != "null")


def metadata() -> Json:
    """What ``metadata.json`` holds (cloud.google.com/dataflow/docs/guides/templates/configuring-flex-templates)."""
    return {
        "name": "gzprep: galaxies to TFRecord shards",
        "description": "From a catalogue and a folder of galaxy images to cropped TFRecord shards, with a manifest.",
        "parameters": [
            {
                "name": parameter.name,
                "label": parameter.key or parameter.name,
                "helpText": parameter.help,
                "isOptional": parameter.optional,
                "regexes": [parameter.regex],
                "paramType": parameter.kind,
            }
            for parameter in parameters()
        ],
    }


def specification(image: str) -> Json:
    """What Dataflow reads to launch the template: the image, of launcher and workers alike, and the parameters."""
    return {
        "image": image,
        "metadata": metadata(),
        "sdkInfo": {"language": "PYTHON"},
        "defaultEnvironment": {"sdkContainerImage": image},
    }


def arguments(given: Sequence[str]) -> list[str]:
    """Turn what a Flex Template's launcher passes into the arguments of ``gzprep``, which never waits for the job.

    Raises:
        UsageError: there is something that is no option.
    """
    known = {parameter.name: parameter for parameter in parameters()}
    ours: list[str] = []
    beams: list[str] = []
    for name, value in _pairs(given):
        parameter = known.get(name)
        if name == "runner" or (parameter is not None and not value):
            continue  # there is one runner; and a parameter that was left empty was not given
        if parameter is None:
            beams.append(f"--{name}" if value is None else f"--{name}={value}")
        elif parameter.key:
            ours += ["--set", f"{parameter.key}={_as_toml(parameter, str(value))}"]
        else:
            ours += [f"--{name.replace('_', '-')}", str(value)]
    return ["run", *ours, "--runner", "DataflowRunner", "--no-wait", "--", *beams]


def _as_toml(parameter: Parameter, value: str) -> str:
    if "," not in parameter.regex or value.startswith("["):
        return value
    items = [item.strip() for item in value.split(",")]
    return f"[{', '.join(item if re.fullmatch(_NUMBER, item) else json.dumps(item) for item in items)}]"


def _pairs(given: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the options with their values: ``--name=value``, ``--name value``, or ``--name``."""
    words = list(given)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise UsageError(f"The template's launcher got {word!r}; expected --NAME=VALUE.")
        name, equals, value = word[2:].partition("=")
        if equals:
            yield name, value
        elif words and not words[0].startswith("--"):
            yield name, words.pop(0)
        else:
            yield name, None


def write_template(spec: Place | None, image: str | None, metadata_file: Place | None) -> Iterator[Place]:
    """Write the specification, the parameters, or both; yield what was written.

    Raises:
        UsageError: nothing is asked for, or a specification without an image.
    """
    if (spec is None) != (image is None) or (spec is None and metadata_file is None):
        raise UsageError("gzprep template needs SPEC and --image IMAGE, or --metadata FILE, or all of them.")
    documents = [(metadata_file, metadata()), (spec, specification(image or ""))]
    for file, document in documents:
        if file is not None:
            sweep(file.parent, file.name)
            with writing(file), appearing(file) as out:
                out.write((json.dumps(document, indent=2) + "\n").encode())
            yield file
