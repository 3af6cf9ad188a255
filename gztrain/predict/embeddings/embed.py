"""``gztrain embed``: images, or the galaxies of a dataset folder, to a file of features."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import simplejpeg

from gzcore.dataset.layout import MANIFEST, TEST, TRAIN
from gzcore.errors import GzError, UsageError
from gzcore.images import Pixels
from gzcore.machine import cores
from gzcore.storage.atomic import appearing, sweep, writing
from gztrain.data import open_reader, select
from gztrain.data.dataset import open_dataset
from gztrain.data.stream import in_order
from gztrain.predict.crops import Cut, find_files, read_crop, readable
from gztrain.predict.embeddings.features import embed_batch, feature_model
from gztrain.predict.embeddings.file import Origin, as_table, schema
from gztrain.predict.images import BATCH, Advance, cut_of, read_ahead
from gztrain.runs.folder import Json, open_run

THUMBNAIL = 96
"""Side of the small images that pages show, px."""
_QUALITY = 85


@dataclass
class Counts:
    """What came of the images."""

    images: int = 0
    unusable: int = 0
    other_size: int = 0


Named = tuple[list[str], Pixels]
"""N ids, and their crops, uint8 [N, S, S, 3]."""


def embed(  # noqa: PLR0913 -- what the command takes
    run: Path,
    places: Sequence[Path],
    out: Path,
    advance: Advance = lambda _: None,
    *,
    all_sides: bool = True,
    resize: bool = False,
) -> Json:
    """Write a row of features for each image, in the order of the images.

    Args:
        run: run folder.
        places: images and folders of images; or one dataset folder, whose galaxies of all splits are taken (view 0).
        out: the file to write; an older one is replaced.
        advance: told how many images are done, batch by batch.
        all_sides: take the mean over the eight symmetries of the square.
        resize: bring images of another size than those of the training to that size.

    Returns:
        Counts: ``images``, ``embedded``, ``unusable``, ``other_size``; and ``features``, the number of columns.

    Raises:
        UsageError: a place is not there, or is a dataset folder beside others.
        GzError: the run has no model, no image can be used, or the file cannot be written.
    """
    chosen = open_run(run)
    counts = Counts()
    cut = cut_of(chosen, resize=resize)
    images = _galaxies(places[0], chosen.crop) if _is_dataset(places) else _files(places, cut, counts)
    model = feature_model(chosen.model(), all_sides=all_sides)
    origin = Origin(str(run), chosen.config.model.name, int(model.output_shape[-1]), chosen.crop, all_sides)
    sweep(out.parent, out.name)
    with writing(out.parent), appearing(out) as file, pq.ParquetWriter(file, schema(origin)) as writer:
        for names, pixels in images:
            features = embed_batch(model, pixels, BATCH)
            writer.write_table(as_table(origin, names, features, [thumbnail(image) for image in pixels]))
            counts.images += len(names)
            advance(len(names))
        if not counts.images:
            raise GzError("No image can be used, so there is nothing to embed.")
    return {
        "images": counts.images + counts.unusable,
        "embedded": counts.images,
        "unusable": counts.unusable,
        "other_size": counts.other_size,
        "features": origin.width,
    }


def _is_dataset(places: Sequence[Path]) -> bool:
    folders = [place for place in places if (place / MANIFEST).is_file()]
    if folders and len(places) > 1:
        raise UsageError(f"{folders[0]} is a dataset folder; name it alone, without other images or folders.")
    return bool(folders)


def _galaxies(place: Path, crop: int) -> Iterator[Named]:
    """The originals (view 0) of all galaxies of a dataset folder, in batches."""
    dataset = open_dataset(place)
    if dataset.crop != crop:
        raise UsageError(f"The crops in {place} are {dataset.crop} px, and the run was trained on {crop} px.")
    reader = open_reader()
    for split in (TRAIN, TEST):
        selection = select(dataset, split)
        for batch in in_order(reader, selection, BATCH) if len(selection) else ():
            yield list(batch.ids), batch.images


def _files(places: Sequence[Path], cut: Cut, counts: Counts) -> Iterator[Named]:
    """The crops of image files, in batches; files that cannot be used are counted."""
    paths = find_files(places).images
    with ThreadPoolExecutor(cores()) as pool:
        for crops in read_ahead(pool, paths, cut, BATCH):
            usable = [(readable(crop.path), crop.pixels) for crop in crops if crop.pixels is not None]
            counts.unusable += len(crops) - len(usable)
            counts.other_size += sum(crop.other_size is True for crop in crops)
            if usable:
                names, pixels = zip(*usable, strict=True)
                yield list(names), np.stack(pixels)


def embed_image(run: Path, image: Path, origin: Origin) -> tuple[Any, bytes]:
    """Features of one image file, float32 [1, D], and its thumbnail.

    Args:
        run: the run that made the file of embeddings.
        image: an image file.
        origin: of the file of embeddings.

    Raises:
        GzError: the image cannot be used, or the run is another one.
    """
    chosen = open_run(run)
    crop = read_crop(image, cut_of(chosen, resize=False))
    if crop.pixels is None:
        raise GzError(f"{readable(image)} cannot be used: {crop.reason}.")
    model = feature_model(chosen.model(), all_sides=origin.all_sides)
    if model.output_shape[-1] != origin.width:
        raise UsageError(f"The run {run} gives {model.output_shape[-1]} features, and the file has {origin.width}.")
    return embed_batch(model, crop.pixels[None], BATCH), thumbnail(crop.pixels)


def thumbnail(image: Pixels) -> bytes:
    """A small JPEG of a crop."""
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(small), quality=_QUALITY))
