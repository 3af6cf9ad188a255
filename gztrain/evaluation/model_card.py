"""MODEL_CARD.md of a run: where its weights come from, how good it is beside baselines and ceilings, and its limits.

The page is for people and for the Hugging Face hub, which reads its first lines. At its end stands a block of JSON,
from which ``gztrain reproduce`` trains the run again. Neither holds a path of this machine.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import BaseModel, Field

from gzcore.console import brief, printable
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, writing
from gzcore.storage.documents import BadDocument, fit, parse_json, read_bytes, read_document
from gzcore.storage.places import sha256_of
from gztrain.config import as_mapping
from gztrain.models.archive import WEIGHTS, check_archive
from gztrain.models.registry import MODELS
from gztrain.runs.folder import Json, Run, RunFolder, open_run
from gztrain.runs.schema import EnsembleDocument

FORMAT = 1
"""Version of the block of JSON."""
FIGURES = ("accuracy", "auc_macro")
"""Figures that are compared when a run is trained again; each has an interval."""
_BLOCK = re.compile(r"^```json gztrain$\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_card(folder: RunFolder, metrics: Json) -> None:
    """Write the card of a run; nothing where there is no single model, as above the folds of a cross-validation.

    Args:
        folder: the run folder.
        metrics: what its metrics.json says, or is about to say.

    Raises:
        GzError: the model is damaged, or the card cannot be written.
    """
    if folder.model.is_file() and folder.config.is_file():
        run = open_run(folder.root)
        text = card(run, identity(run, metrics), metrics)
        with writing(folder.root), appearing(folder.card) as file:  # a folder that is gone is not made again
            file.write(text.encode())


def identity(run: Run, metrics: Json) -> Json:
    """What a run is, as the block of JSON says it.

    Args:
        run: the run.
        metrics: what its metrics.json says.

    Raises:
        GzError: the model is damaged.
    """
    config = as_mapping(run.config)
    weights = config["model"]["weights"]
    if weights is not None and "://" not in weights:
        config["model"]["weights"] = Path(weights).name
    data = run.data.as_json()
    return {
        "format": FORMAT,
        "weights_sha256": weights_hash(run.folder.model),
        "file_sha256": sha256_of(run.folder.model),
        "data": {"name": run.data.place.name, **{key: value for key, value in data.items() if key != "path"}},
        "config": config,
        "scheme": run.scheme.name,
        "backend": run.backend,
        "versions": dict(run.versions),
        "start_sha256": _start_hash(run),
        "ensemble": run.folder.ensemble.exists(),
        "members": _members(run),
        "figures": {name: _compared(split) for name, split in metrics.get("splits", {}).items()},
    }


def _start_hash(run: Run) -> str | None:
    """SHA-256 of the weights file that the training began with; None where it began with no file.

    Where the file is gone, an older card of the run knows it.
    """
    path = local_weights(as_mapping(run.config))
    if path is None:
        return None
    if path.is_file():
        return sha256_of(path)
    try:
        return read_card(run.folder.card).get("start_sha256")
    except GzError:
        return None


def local_weights(config: Json) -> Path | None:
    """The file of weights that a recipe names; None for weights of the model, of a hub, or a folder."""
    weights = config["model"]["weights"]
    named = weights is not None and "://" not in weights and (Path(weights).suffix or Path(weights).is_file())
    return Path(weights) if named else None


def _members(run: Run) -> list[Json]:
    """Name of the folder and hash of the weights of each member of an ensemble; nothing for a single run."""
    try:
        ensemble, _ = read_document(run.folder.ensemble, EnsembleDocument, "make the ensemble again")
    except FileNotFoundError:
        return []
    hashes: tuple[str | None, ...] = ensemble.weights_sha256 or (None,) * len(ensemble.members)
    pairs = zip(ensemble.members, hashes, strict=False)
    return [{"name": PurePath(place).name, "weights_sha256": found} for place, found in pairs]


def _compared(split: Json) -> Json:
    """Value and interval of each figure that is compared."""
    return {name: [split.get(name), *((split.get("intervals") or {}).get(name) or (None, None))] for name in FIGURES}


def weights_hash(path: Path) -> str:
    """SHA-256 over the names, shapes, types and bytes of all weights in a Keras archive.

    The file itself holds the time at which it was saved, so its own hash differs each time.

    Raises:
        GzError: the archive is damaged.
    """
    import h5py

    check_archive(path)
    digest = hashlib.sha256()
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as file:
        arrays: dict[str, Any] = {}
        file.visititems(lambda name, entry: arrays.update({name: entry}) if isinstance(entry, h5py.Dataset) else None)
        for name in sorted(arrays):
            values = arrays[name][()]
            digest.update(f"{name}/{values.shape}/{values.dtype.str}/".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def read_card(path: Path) -> Json:
    """The block of JSON in a card.

    Raises:
        GzError: the file is missing, or no card of gztrain.
    """
    try:
        return _parse(read_bytes(path).decode())
    except FileNotFoundError:
        raise GzError(f"There is no model card {path}; gztrain fit writes MODEL_CARD.md into the run folder.") from None
    except (BadDocument, UnicodeDecodeError) as error:
        raise GzError(f"{path} is no model card of gztrain ({brief(error)}).") from None


def _parse(text: str) -> Json:
    found = _BLOCK.search(text)
    if found is None:
        raise BadDocument("it has no block of JSON named gztrain")
    document = parse_json(found[1].encode())
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadDocument(f"its format is not {FORMAT}")
    fit(CardDocument, document)
    return document


Number = Annotated[float, Field(strict=True)] | None
"""A number itself, not text that looks like one."""


class CardDocument(BaseModel):
    """What the block of JSON must hold; the recipe in it is checked as every recipe is."""

    weights_sha256: Annotated[str, Field(max_length=64)]
    data: dict[str, Any]
    config: dict[str, Any]
    backend: Annotated[str, Field(max_length=100)]
    versions: dict[str, str]
    start_sha256: Annotated[str, Field(max_length=64)] | None = None
    ensemble: bool
    members: list[dict[str, str | None]] = []
    figures: dict[str, dict[str, tuple[Number, Number, Number]]]


def card(run: Run, said: Json, metrics: Json) -> str:
    """The card as Markdown."""
    lines = [
        _FRONT,
        f"# {said['config']['model']['name']}, trained on {_cell(said['data']['name'])}",
        "",
        *_what(run, ensemble=said["ensemble"]),
        *_chain(said),
        *_results(run, metrics),
        *_limits(run, metrics),
        *([] if said["ensemble"] else ["## Train it again", "", _AGAIN.format(name=_within(said["data"]["name"])), ""]),
        "```json gztrain",
        json.dumps(said, indent=1),
        "```",
        "",
    ]
    return "\n".join(lines)


_FRONT = """---
library_name: keras
pipeline_tag: image-classification
license: other
tags: [astronomy, galaxy-morphology, galaxy-zoo, gztrain]
---
"""
"""What the hub reads."""
_AGAIN = (
    "`gztrain reproduce MODEL_CARD.md --data {name} --run again` trains it again from the block below, and compares: "
    "the same weights with the same versions on a processor of the same kind, elsewhere figures within their intervals."
)
_FIGURES_NOTE = (
    "Intervals are 95 % bootstrap intervals over galaxies. The ceiling is how often a second panel of as many "
    "volunteers would give the label. An AUC of .5 says that the image is ignored."
)
_HEAD = (
    "| question | galaxies | accuracy | commonest answer | without the image | second panel (ceiling) | mean AUC |",
    "|---|---|---|---|---|---|---|",
)


def _what(run: Run, *, ensemble: bool) -> Iterator[str]:
    kind = "Several networks in one model, an ensemble," if ensemble else "A network"
    yield (
        f"{kind} that answers {len(run.scheme.questions)} questions of a decision tree about an image of a galaxy "
        f"(scheme {_code(run.scheme.name)}). Input: uint8 RGB, {run.crop} x {run.crop} px, the galaxy in the middle"
        f"{_frame(run)}. Output: a probability for each of {len(run.scheme.names)} labels, in this order: "
        f"{', '.join(map(_code, run.scheme.names))}."
    )
    yield from ("", "```", "gztrain predict RUN images/ --parquet answers.parquet", "```", "")


def _frame(run: Run) -> str:
    return "" if run.data.frame is None else f", cut from images of {run.data.frame} x {run.data.frame} px"


def _start(model: Json) -> str:
    """What the weights were before the first step."""
    entry = MODELS.get(model["name"])
    if entry is None and model["weights"] is None:
        return "not known: a model of another version"
    usual = "imagenet" if entry is not None and entry.has_imagenet else "none"
    named = model["weights"] or usual
    return "random numbers, drawn from the seed" if named == "none" else f"weights {named}"


def _chain(said: Json) -> Iterator[str]:
    yield from ("## Where the weights come from", "", "| | |", "|---|---|")
    config, data = said["config"], said["data"]
    yield f"| weights, SHA-256 | {_code(said['weights_sha256'])} |"
    yield f"| `model.keras`, SHA-256 | {_code(said['file_sha256'])} |"
    hashes = f"data hash {_code(data['data_hash'])}, recipe hash {_code(data['recipe_hash'])}"
    yield f"| data set | {_cell(data['name'])}, {hashes} |"
    if said["ensemble"]:
        yield "| recipe, start, seed | those of its members, each of which has a card of its own |"
        yield from (f"| member | {_member(each)} |" for each in said["members"])
    else:
        fold = f"fold {config['fold']} validates"
        yield f"| recipe | labels {_code(config['labels'])}, loss {_code(config['loss']['name'])}, {fold} |"
        start = f", SHA-256 {_code(said['start_sha256'])}" if said["start_sha256"] else ""
        yield f"| start | {_cell(_start(config['model']))}{start} |"
        yield f"| seed | {config['seed']} |"
    yield f"| backend | {_cell(said['backend'])} |"
    versions = ", ".join(_cell(f"{name} {version}") for name, version in said["versions"].items())
    yield f"| versions | {versions or 'not recorded: an older gztrain made the run'} |"
    yield ""


def _results(run: Run, metrics: Json) -> Iterator[str]:
    splits: Mapping[str, Json] = metrics.get("splits", {})
    yield from ("## How good it is", "")
    if not splits:
        yield from ("It was not judged yet; `gztrain evaluate` does it.", "")
    for name, split in splits.items():
        labels = split.get("labels", "")
        yield f"On {split['galaxies']} galaxies of {_code(name)}, labels {_code(labels)}. {_first(split['verdict'])}"
        yield from ("", *_HEAD)
        yield from (_row(question.name, question.title, split) for question in run.scheme.questions)
        yield ""
    yield from (_FIGURES_NOTE, "")


def _first(text: str) -> str:
    return _cell(text.split("\n", 1)[0])


def _row(name: str, title: str, split: Json) -> str:
    own = split["per_question"].get(name, {})
    others = [split["baselines"][kind]["per_question"].get(name, {}) for kind in ("majority", "image_free")]
    interval = ((split.get("intervals") or {}).get("per_question") or {}).get(name, {}).get("accuracy")
    accuracy = f"{_number(own.get('accuracy'))}{_range(interval)}"
    values = [_number(each.get("accuracy")) for each in others]
    return (
        f"| {_cell(title)} | {own.get('known_questions', 0)} | {accuracy} | {' | '.join(values)} | "
        f"{_number(own.get('ceiling'))} | {_number(own.get('auc_macro'))} |"
    )


def _cell(text: str) -> str:
    """A text of others in Markdown: no character of it means anything there."""
    return re.sub(r"([\\|`<>\[\]*_~$&])", r"\\\1", printable(text))


def _within(text: str) -> str:
    """A text of others between backticks, which it cannot end."""
    return printable(text).replace("`", "'")


def _code(text: str | None) -> str:
    """A text of others as code; a bar would end the cell of a table."""
    return f"`{_within(str(text)).replace('|', '/')}`"


def _member(said: Json) -> str:
    found = said["weights_sha256"]
    return _cell(said["name"]) + (f", weights, SHA-256 {_code(found)}" if found else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _range(interval: Any) -> str:  # noqa: ANN401 -- two numbers or None
    return f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""


_USES = (
    "- **For** sorting images of the same survey, size and colours as those of the training, and for catalogues of",
    "  vote fractions with `gztrain predict --catalogue`, which says how far an image is from what was learned.",
    "- **Not for** images of another telescope, scale or stretch without a check on labelled galaxies of that kind,",
    "  and not for a single galaxy as evidence: an answer estimates what volunteers would say, not what is there.",
    "- Volunteers miss bars and arms in small and faint galaxies, and the network learns that from them.",
)
_LICENCE = (
    "- **Licence**: the licence of the data holds for what is made of them. Votes of Galaxy Zoo are often "
    "cc-by-nc-sa-4.0, with the wish that trained models are released by publication. Cite the catalogue."
)


def _limits(run: Run, metrics: Json) -> Iterator[str]:
    yield from ("## What it is for, and what not", "")
    yield from _USES
    if run.config.labels == "report":
        yield "- Its labels are those of the 2024 report: a question that was not asked counts as answered."
    for name, split in metrics.get("splits", {}).items():
        for finding in split.get("findings", [])[:12]:
            yield f"- On {_code(name)}: {_cell(finding['sentence'])}"
    yield from (_LICENCE, "")
