"""``gztrain embed``: images, or the galaxies of a dataset folder, to a file of features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import simplejpeg

from gzcore.errors import GzError, UsageError
from gzcore.images import Pixels
from gzcore.storage.atomic import appearing, sweep, writing
from gztrain.predict.crops import read_crop, readable
from gztrain.predict.embeddings.features import embed_batch, feature_model
from gztrain.predict.embeddings.file import Origin, as_table, schema
from gztrain.predict.galaxies import Counts, galaxies_of
from gztrain.predict.images import BATCH, Advance, cut_of
from gztrain.runs.folder import Json, open_run

THUMBNAIL = 96
"""Side of the small images that pages show, px."""
_QUALITY = 85


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
    images = galaxies_of(places, cut, counts)
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
