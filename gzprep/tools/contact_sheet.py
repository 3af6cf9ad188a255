"""The views of a galaxy as a contact sheet, with what was done to each."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gzcore.console import printable
from gzcore.dataset.example import Record
from gzcore.dataset.features import Widths
from gzcore.dataset.layout import VIEWS
from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.dataset.tree import Question
from gzcore.errors import GzError, UsageError
from gzcore.images import UnusableImage, WrongShape, decode, read_header
from gzcore.storage.atomic import writing
from gzcore.storage.places import Place
from gzprep.catalogue.galaxy import Split
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import example_id, open_folder, operations_of, read_record, read_rows, read_shard, widths_of

COLUMNS = 5
LARGEST_TILE = 1024
"""Pixels a side of a view as it is drawn; a larger one is shown smaller."""
_LINES, _LETTERS = 16, 60
"""Lines below a view, and letters in a line, at most: what stands in a record is untrusted."""
_GAP, _MARGIN, _LINE = 12, 20, 17
_SMALLEST_TILE = 160
_INK, _PAPER, _FAINT = (32, 32, 36), (255, 255, 255), (110, 110, 118)
_ROW = ["id_str", "split", "fold", "shard", "verdict", "reason", "detail", "summary"]
_ANSWERS = 2
"""Fractions of the first question that are told."""
_WORDS = {
    "none": "do nothing",
    "flip": "flip {flip}",
    "rotate": "rotate {degrees:+.1f}\N{DEGREE SIGN}",
    "zoom": "zoom {zoom:.3f}",
    "blur": "blur {kernel} px",
    "noise": "noise, sigma {sigma:.1f}",
    "denoise": "denoise, {method}",
    "translate": "shift {shift[0]:+.1f}, {shift[1]:+.1f} px",
    "fill": "edge filled: {border}",
    "inpaint": "line filled: {defect}",
    "mask": "{neighbours} neighbours blanked",
}


def any_galaxy(root: Place) -> str:
    """The id of a galaxy that can be drawn: the first one in the shards.

    Raises:
        GzError: the folder is not whole, or no galaxy is in the shards.
    """
    found = example_id(open_folder(root)[0])
    if found is None:
        raise GzError(f"No galaxy is in the shards of {root}: all were rejected; rejects.parquet says why.")
    return found


def file_of(galaxy_id: str) -> Path:
    """A name of a file for a galaxy, in this folder: its id, with _ for what is no letter, digit, point or sign."""
    return Path(f"{re.sub(r'[^A-Za-z0-9.+-]', '_', galaxy_id).strip('.') or 'galaxy'}.png")


def draw_preview(root: Place, galaxy_id: str, png: Path) -> int:
    """Draw the views of a galaxy.

    Returns:
        Number of views drawn.

    Raises:
        UsageError: the name of the file does not end in .png.
        GzError: the folder is not whole, the galaxy is not in it or was rejected, the file cannot be written.
    """
    if png.suffix.lower() != ".png":
        raise UsageError(f"--png {png} would get the bytes of a PNG; give a name that ends in .png.")
    folder, manifest = open_folder(root)
    shown_columns = _shown_columns(manifest)
    row = find_row(folder, galaxy_id, list(shown_columns))
    records = find_records(folder, manifest, row)
    side = manifest["recipe"]["crop"]["size"]
    title = f"{shown(galaxy_id)}   {row['split']}, fold {row['fold']}"
    sheet = contact_sheet(
        [(tile(record, side), caption(record)) for record in records], title, summary(row, shown_columns)
    )
    with writing(png):
        sheet.save(png, format="PNG")
    return len(records)


def _shown_columns(manifest: dict[str, Any]) -> dict[str, str]:
    """Columns of fractions of the first question that has votes of its own, and how they are called."""
    question = Question(**manifest["labels"]["questions"][0])
    names = zip(question.fraction_columns, question.answers, strict=True)
    return {column: answer.replace("-", " ") for column, answer in itertools.islice(names, _ANSWERS)}


def find_row(folder: Folder, galaxy_id: str, columns: Sequence[str] = ()) -> dict[str, Any]:
    """Find a galaxy in the data set's catalogue.

    Args:
        folder: the dataset folder.
        galaxy_id: its id.
        columns: what is read of it, beside the plain ones.

    Raises:
        GzError: it is not there, or has no records.
    """
    rows = read_rows(folder.catalogue, [*_ROW, *columns], [("id_str", "=", galaxy_id)])
    if not rows:
        raise GzError(f"There is no galaxy {galaxy_id!r} in {folder.root}; one that is there: {example_id(folder)}.")
    row = rows[0]
    if row["verdict"] == "rejected":
        raise GzError(f"Galaxy {galaxy_id} was rejected: {row['reason']} ({row['detail']}); it has no views.")
    return row


def find_records(folder: Folder, manifest: dict[str, Any], row: dict[str, Any]) -> list[Record]:
    """Read all records of a galaxy, in the order of their views.

    Raises:
        GzError: a shard or a record is damaged, or the galaxy has more records, or fewer, than it can have.
    """
    splits = (Split.TRAIN.value, VIEWS) if row["split"] == Split.TRAIN else (Split.TEST.value,)
    files, widths = [_shard_file(manifest, split, row) for split in splits], widths_of(manifest)
    most = 1 + manifest["recipe"]["views"]["count"]
    own = (record for file in files for record in _records_of(folder.root / file, row["id_str"], widths))
    records = sorted(itertools.islice(own, most + 1), key=lambda record: record.view)
    if not 0 < len(records) <= most:
        number = f"more than {most}" if records else "no"
        raise GzError(f"Galaxy {row['id_str']} has {number} records; gzprep verify says what is damaged.")
    return records


def _shard_file(manifest: dict[str, Any], split: str, row: dict[str, Any]) -> str:
    shards, index = manifest["splits"][split]["shards"], row["shard"]
    if type(index) is not int or not 0 <= index < len(shards):
        raise GzError(
            f"Galaxy {row['id_str']} is in shard {index} of {split}, which has {len(shards)}; see gzprep verify."
        )
    return str(shards[index]["file"])


def _records_of(path: Place, galaxy_id: str, widths: Widths) -> Iterator[Record]:
    """Yield the records of a galaxy in a shard."""
    for number, data in enumerate(read_shard(path), 1):
        try:
            record = read_record(data, widths)
        except DamagedRecord as error:
            raise GzError(f"The shard {path} is damaged: record {number} cannot be used: {error}.") from None
        if record.id == galaxy_id:
            yield record


def tile(record: Record, side: int) -> np.ndarray:
    """The pixels of a view; a small crop is enlarged by a whole number, so that its caption fits below it.

    Args:
        record: the view.
        side: height and width that its image must have, px; a larger one is not decoded.

    Raises:
        GzError: the image cannot be decoded, or has another size.
    """
    try:
        header = read_header(record.image)
        if (header.height, header.width) != (side, side):
            raise WrongShape(f"its image has {header.width} x {header.height} px; the manifest says {side} x {side}")
        image = decode(record.image)
    except UnusableImage as error:
        raise GzError(
            f"View {record.view} of galaxy {record.id} cannot be shown: {error}; gzprep verify says what is damaged."
        ) from None
    if side > LARGEST_TILE:
        return np.asarray(Image.fromarray(image).resize((LARGEST_TILE, LARGEST_TILE), Image.Resampling.BOX))
    times = -(-_SMALLEST_TILE // side)
    return image.repeat(times, axis=0).repeat(times, axis=1)


def caption(record: Record) -> list[str]:
    """Lines below a view: its number, and what was done in the order of the draw."""
    head = "view 0: the original" if record.view == 0 else f"view {record.view}"
    lines = [head, *map(_operation_line, operations_of(record))]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"and {len(lines) - _LINES + 1} more"]


def _operation_line(operation: Any) -> str:  # noqa: ANN401 -- whatever a record holds
    try:
        line = _drawn_line(operation) if "at" in operation else _WORDS[operation["op"]].format(**operation)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        line = f"unknown: {json.dumps(operation)}"
    return shown(line)


_OF_ALL_TRANSFORMS = frozenset(("shape", "interpolation", "fill", "fill_mask", "output_shape"))


def _drawn_line(operation: dict[str, Any]) -> str:
    """What a transform of a user's own pipeline drew: its single numbers and texts."""
    params = operation["params"].items()
    told = [
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in params
        if isinstance(value, str | int | float) and name not in _OF_ALL_TRANSFORMS
    ]
    return f"{operation['op']}: {', '.join(told)}" if told else str(operation["op"])


def shown(line: str) -> str:
    """A line of untrusted text as it is drawn: control characters spelled out, and not too long."""
    line = printable(line[: _LETTERS + 1])
    return line if len(line) <= _LETTERS else f"{line[: _LETTERS - 3]}..."


def summary(row: dict[str, Any], columns: Mapping[str, str]) -> str:
    """One line on the votes of a galaxy.

    Args:
        row: of the data set's catalogue.
        columns: columns of fractions, and how they are called.
    """
    votes = ", ".join(f"{shown(name)} {_fraction(row[column])}" for column, name in columns.items())
    return f"{shown(str(row['summary'] or 'no summary'))}; {votes}"


def _fraction(value: Any) -> str:  # noqa: ANN401 -- whatever a table holds
    return f"{value:.2f}" if isinstance(value, float) else "unknown"


def contact_sheet(tiles: Sequence[tuple[np.ndarray, list[str]]], title: str, subtitle: str) -> Image.Image:
    """Arrange uint8 [H, W, 3] images of one size, each above its caption."""
    side = tiles[0][0].shape[0]
    rows = -(-len(tiles) // COLUMNS)
    columns = min(COLUMNS, len(tiles))
    caption_lines = max(len(lines) for _, lines in tiles)
    step_x, step_y = side + _GAP, side + caption_lines * _LINE + _GAP
    head = 3 * _LINE
    size = (2 * _MARGIN + columns * step_x - _GAP, 2 * _MARGIN + head + rows * step_y - _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, _INK, ImageFont.load_default(18))
    draw.text((_MARGIN, _MARGIN + 24), subtitle, _FAINT, ImageFont.load_default(13))
    for index, (image, lines) in enumerate(tiles):
        corner = (_MARGIN + index % COLUMNS * step_x, _MARGIN + head + index // COLUMNS * step_y)
        _draw_tile(sheet, draw, corner, image, lines)
    return sheet


def _draw_tile(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, corner: tuple[int, int], image: np.ndarray, lines: list[str]
) -> None:
    left, top = corner
    sheet.paste(Image.fromarray(image), corner)
    font = ImageFont.load_default(13)
    for index, line in enumerate(lines):
        y = top + image.shape[0] + 4 + index * (_LINE - 1)
        draw.text((left, y), line, _INK if index == 0 else _FAINT, font)
