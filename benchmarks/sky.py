"""The galaxies that everything is measured on: real images under as many names as it takes, by symbolic link.

The images are those of GZ_REAL_DATA (default ../shared/data, folder gz2); without them a sample sky is made.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, object]
SPLITS = ("train", "test")
TRAIN_AND_TEST: Mapping[str, float] = {"train": 0.8, "test": 0.2}


@dataclass(frozen=True, slots=True)
class Sky:
    """A data folder of our own making.

    Attributes:
        data: what `gzprep run --data` takes.
        images: a text file with the path of each image, a line each, in the order of the catalogue.
        galaxies: rows.
    """

    data: Path
    images: Path
    galaxies: int


def source_folder(below: Path) -> Path:
    """The real galaxies, or a sky of 750 simulated ones."""
    real = Path(os.environ.get("GZ_REAL_DATA", "../shared/data")) / "gz2"
    if real.is_dir():
        return real.absolute()
    from gzprep.simulate import simulate

    return simulate(below / "sky", 750).directory


def read_rows(source: Path) -> dict[str, list[Row]]:
    """The catalogue rows of each split."""
    return {split: pq.read_table(source / f"gz2_{split}_catalog.parquet").to_pylist() for split in SPLITS}


def accepted_rows(source: Path) -> list[Row]:
    """The rows, of both splits, whose image the default recipe accepts: everybody then has the same work.

    Reading them all also brings the images into the page cache.
    """
    return [row for row in chain.from_iterable(read_rows(source).values()) if _is_accepted(source, row)]


def _is_accepted(source: Path, row: Row) -> bool:
    from gzcore.images import UnreadableImage, decode
    from gzprep.config import Recipe
    from gzprep.images.defects import judge

    try:
        frame = decode(image_of(source, row).read_bytes(), "RGBA")
    except (OSError, UnreadableImage):
        return False
    side = Recipe().images.frame
    return frame.shape[:2] == (side, side) and judge(frame, Recipe().defects).rejection is None


def image_of(source: Path, row: Row) -> Path:
    """Path of a row's image."""
    return source / "images" / str(row["subfolder"]) / str(row["filename"])


def many_names(source: Path, target: Path, galaxies: int, shares: Mapping[str, float] = TRAIN_AND_TEST) -> Sky:
    """Make a folder of so many galaxies out of a few: every row as it comes, missing images and all."""
    return write_sky(
        source, target, galaxies, {split: (share, read_rows(source)[split]) for split, share in shares.items()}
    )


def write_sky(source: Path, target: Path, galaxies: int, parts: Mapping[str, tuple[float, Sequence[Row]]]) -> Sky:
    """Write catalogues and links.

    Args:
        source: where the images are.
        target: folder to make.
        galaxies: number of names.
        parts: for each split its share of the names, and the rows that they are taken from in turn.
    """
    target.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for split, (share, rows) in parts.items():
        copies = [_renamed(source, target, rows[at % len(rows)], at, split) for at in range(round(galaxies * share))]
        paths += [image_of(target, copy) for copy in copies]
        pq.write_table(pa.Table.from_pylist(copies), target / f"gz2_{split}_catalog.parquet")
    images = target / "images.txt"
    images.write_text("".join(f"{path}\n" for path in paths))
    return Sky(target, images, len(paths))


def _renamed(source: Path, target: Path, row: Row, place: int, split: str) -> Row:
    name = f"{split}-{place}"
    copy = row | {"id_str": name, "subfolder": name[:7], "filename": f"{name}.jpg"}
    image, original = image_of(target, copy), image_of(source, row)
    image.parent.mkdir(parents=True, exist_ok=True)
    if original.exists():
        image.symlink_to(original.resolve())
    return copy
