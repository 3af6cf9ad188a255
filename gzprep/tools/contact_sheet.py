"""The views of a galaxy as a contact sheet, with what was done to each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gzcore.dataset.example import Record
from gzcore.dataset.layout import VIEWS
from gzcore.errors import GzError
from gzcore.images import UnusableImage, decode
from gzcore.storage.atomic import writing
from gzcore.storage.places import Place
from gzprep.catalogue.galaxy import Split
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import example_id, open_folder, operations_of, read_record, read_rows, read_shard

COLUMNS = 5
_GAP, _MARGIN, _LINE = 12, 20, 17
_SMALLEST_TILE = 160
_INK, _PAPER, _FAINT = (32, 32, 36), (255, 255, 255), (110, 110, 118)
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
}


def draw_preview(root: Place, galaxy_id: str, png: Path) -> int:
    """Draw the views of a galaxy.

    Returns:
        Number of views drawn.

    Raises:
        GzError: the folder is not whole, the galaxy is not in it or was rejected, the file cannot be written.
    """
    folder, manifest = open_folder(root)
    row = find_row(folder, galaxy_id)
    records = find_records(folder, manifest, row)
    title = f"{galaxy_id}   {row['split']}, fold {row['fold']}"
    sheet = contact_sheet([(tile(record), caption(record)) for record in records], title, summary(row))
    with writing(png):
        sheet.save(png, format="PNG")
    return len(records)


def find_row(folder: Folder, galaxy_id: str) -> dict[str, Any]:
    """Find a galaxy in the data set's catalogue.

    Raises:
        GzError: it is not there, or has no records.
    """
    rows = read_rows(folder.catalogue, filters=[("id_str", "=", galaxy_id)])
    if not rows:
        raise GzError(f"There is no galaxy {galaxy_id!r} in {folder.root}; one that is there: {example_id(folder)}.")
    row = rows[0]
    if row["verdict"] == "rejected":
        raise GzError(f"Galaxy {galaxy_id} was rejected: {row['reason']} ({row['detail']}); it has no views.")
    return row


def find_records(folder: Folder, manifest: dict[str, Any], row: dict[str, Any]) -> list[Record]:
    """Read all records of a galaxy, in the order of their views."""
    splits = (Split.TRAIN.value, VIEWS) if row["split"] == Split.TRAIN else (row["split"],)
    files = [manifest["splits"][split]["shards"][row["shard"]]["file"] for split in splits]
    records = (read_record(data) for file in files for data in read_shard(folder.root / file))
    return sorted((record for record in records if record.id == row["id_str"]), key=lambda record: record.view)


def tile(record: Record) -> np.ndarray:
    """The pixels of a view; a small crop is enlarged by a whole number, so that its caption fits below it.

    Raises:
        GzError: the image cannot be decoded.
    """
    try:
        image = decode(record.image)
    except UnusableImage as error:
        raise GzError(
            f"View {record.view} of galaxy {record.id} cannot be shown: {error}; gzprep verify says what is damaged."
        ) from None
    times = -(-_SMALLEST_TILE // image.shape[0])
    return image.repeat(times, axis=0).repeat(times, axis=1)


def caption(record: Record) -> list[str]:
    """Lines below a view: its number, and what was done in the order of the draw."""
    head = "view 0: the original" if record.view == 0 else f"view {record.view}"
    return [head, *(_WORDS[op["op"]].format(**op) for op in operations_of(record))]


def summary(row: dict[str, Any]) -> str:
    """One line on the votes of a galaxy."""
    smooth, featured = (row[f"smooth-or-featured-gz2_{answer}_fraction"] for answer in ("smooth", "featured-or-disk"))
    return f"{row['summary'] or 'no summary'}; smooth {smooth:.2f}, featured or disk {featured:.2f}"


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
