"""``gztrain predict``: files of images in no data set to label probabilities and answers, a parquet row an image.

Memory holds two batches, however many images there are: one is decoded while the model looks at the other.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.dataset.tree import Question
from gzcore.errors import UsageError
from gzcore.images import Pixels
from gzcore.machine import cores
from gzcore.storage.atomic import appearing, writing
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Floats, chosen_answers, classes
from gztrain.predict.crops import Crop, find_images, read_crop
from gztrain.runs.folder import Json, open_run

Classify = Callable[[Pixels], Floats]
"""uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L]."""
Advance = Callable[[int], Any]
"""Told how many more images are done."""
BATCH = 64
ROW_GROUP = 16 * BATCH
_PARQUET = b"PAR1"
_NO_NUMBER = "the model gives no number for it"


def predict(run: Path, places: Sequence[Path], parquet: Path, advance: Advance = lambda _: None) -> Json:
    """Classify images and folders of images, and write a row an image, in the order of the paths.

    Args:
        run: run folder.
        places: images, and folders that are searched recursively.
        parquet: file to write; an older parquet file is replaced, anything else is not.
        advance: told how many images are done, batch by batch.

    Returns:
        Counts: ``images``, ``predicted``, ``unusable``.

    Raises:
        UsageError: a place is not there, or the file to write is something else already.
        GzError: there is no image, the run has no model, or the file cannot be written.
    """
    check_target(parquet)
    paths = find_images(places)
    chosen = open_run(run)
    batches = predict_files(paths, chosen.model().predict_on_batch, crop=chosen.crop, scheme=chosen.scheme)
    unusable = 0
    with writing(parquet.parent), appearing(parquet) as file, pq.ParquetWriter(file, columns(chosen.scheme)) as out:
        for group in _groups(batches, advance):
            out.write_table(group)
            unusable += len(group) - group["reason"].null_count
    return {"images": len(paths), "predicted": len(paths) - unusable, "unusable": unusable}


def check_target(path: Path) -> None:
    """Refuse to replace what is no parquet file: an image may have been named in its place.

    Raises:
        UsageError: it is something else.
    """
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_PARQUET)) == _PARQUET:
                return
    raise UsageError(f"{path} is there already and is no parquet file; choose another name for --parquet.")


def _groups(batches: Iterable[pa.RecordBatch], advance: Advance) -> Iterator[pa.Table]:
    """Join batches to row groups that are worth reading."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        advance(len(batch))
        if sum(map(len, held)) >= ROW_GROUP:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def predict_files(
    paths: Sequence[Path], classify: Classify, *, crop: int, scheme: Scheme, batch: int = BATCH
) -> Iterator[pa.RecordBatch]:
    """Classify image files, in their order.

    Args:
        paths: the files.
        classify: the model; it always gets ``batch`` images, so that it is compiled once.
        crop: size of the model's images, px.
        scheme: whose labels the model gives.
        batch: images at a time.

    Yields:
        A row an image, in the columns of :func:`columns`.
    """
    with ThreadPoolExecutor(cores()) as pool:
        for crops in _read_ahead(pool, paths, crop, batch):
            yield _rows(crops, _probabilities(crops, classify, batch, len(scheme.names)), scheme)


def _read_ahead(pool: Executor, paths: Sequence[Path], crop: int, batch: int) -> Iterator[list[Crop]]:
    """Yield batches of crops; the next one is being decoded meanwhile."""
    read = partial(read_crop, crop=crop)
    coming = pool.map(read, paths[:batch])
    for start in range(batch, len(paths) + batch, batch):
        crops = list(coming)
        coming = pool.map(read, paths[start : start + batch])
        yield crops


def _probabilities(crops: list[Crop], classify: Classify, batch: int, labels: int) -> Floats:
    """Label probabilities, float32 [N, L]; NaN for images that cannot be used."""
    usable = {place: crop.pixels for place, crop in enumerate(crops) if crop.pixels is not None}
    found = np.full((len(crops), labels), np.nan, np.float32)
    if usable:
        padded = np.pad(np.stack(list(usable.values())), ((0, batch - len(usable)), (0, 0), (0, 0), (0, 0)))
        found[list(usable)] = np.asarray(classify(padded))[: len(usable)]
    return found


def columns(scheme: Scheme, key: str = "path") -> pa.Schema:
    """Columns of a prediction: whose, a probability a label, an answer a question, and a reason where there are none.

    Args:
        scheme: whose labels the model gives.
        key: name of the first column: ``path`` of an image, or ``id`` of a record, which is null where the record is
            beyond reach.
    """
    labels = [(name, pa.float32()) for name in scheme.names]
    answers = [(question.name, pa.string()) for question in scheme.questions]
    return pa.schema([pa.field(key, pa.string(), nullable=key != "path"), *labels, *answers, ("reason", pa.string())])


def _rows(crops: list[Crop], probabilities: Floats, scheme: Scheme) -> pa.RecordBatch:
    paths = [readable(crop.path) for crop in crops]
    return as_rows(paths, probabilities, [crop.reason for crop in crops], columns(scheme), scheme)


def as_rows(
    names: Sequence[str | None],
    probabilities: Floats,
    reasons: Sequence[str | None],
    schema: pa.Schema,
    scheme: Scheme,
) -> pa.RecordBatch:
    """Put predictions into columns.

    Args:
        names: N values of the first column.
        probabilities: float32 [N, L]; NaN where there are none.
        reasons: why there are none, where that is known.
        schema: of :func:`columns`.
        scheme: whose labels the model gives.
    """
    known = ~np.isnan(probabilities.min(axis=1))
    told = [None if good else reason or _NO_NUMBER for reason, good in zip(reasons, known, strict=True)]
    labels = [pa.array(column, mask=~known) for column in probabilities.T]
    answers = [
        pa.array(answer_names(question, probabilities[:, block]), mask=~known)
        for question, block in zip(scheme.questions, scheme.blocks, strict=True)
    ]
    arrays = [pa.array(names, pa.string()), *labels, *answers, pa.array(told, pa.string())]
    return pa.record_batch(arrays, schema=schema)


def readable(path: Path | str) -> str:
    """The path as text; bytes that are no UTF-8, which a file name may hold, are spelled out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def answer_names(question: Question, probabilities: Floats) -> list[str]:
    """The answer that a model gives to a question, for N images; see :func:`gztrain.data.labels.chosen_answers`.

    Args:
        question: a question with K labels.
        probabilities: float32 [N, K].
    """
    return [classes(question)[place] for place in chosen_answers(probabilities)]
