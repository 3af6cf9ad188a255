"""``gztrain predict``: files of images in no data set to label probabilities and answers, a parquet row an image.

Memory holds two batches, however many images there are: one is decoded while the model looks at the other.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.console import brief
from gzcore.dataset.tree import Question
from gzcore.errors import UsageError
from gzcore.images import Pixels
from gzcore.storage.atomic import appearing, sweep, writing
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Floats, chosen_answers, classes
from gztrain.predict.crops import Crop, Cut, FoundFiles, filled_up, find_files, read_crop, readable, unread
from gztrain.predict.threads import in_batches, read_ahead, reading_threads
from gztrain.runs.folder import Json, Run, open_run

Classify = Callable[[Pixels], Floats]
"""uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L]."""
Advance = Callable[[int], Any]
"""Told how many more images are done."""
BATCH = 64
ROW_GROUP = 16 * BATCH
_PARQUET = b"PAR1"
_ENDINGS = ("", ".parquet", ".parq", ".pq")
"""Endings of a parquet file's name."""
_REASONS = 2
"""Reasons that a sentence says."""
_NO_NUMBER = "the model gives no number for it"


def predict(
    run: Path, places: Sequence[Path], parquet: Path, advance: Advance = lambda _: None, *, resize: bool = False
) -> Json:
    """Classify images and folders of images, and write a row an image, in the order of the paths.

    Args:
        run: run folder.
        places: images, and folders that are searched recursively.
        parquet: file to write; an older parquet file is replaced, anything else is not.
        advance: told how many images are done, batch by batch.
        resize: bring images of another size than those of the training to that size.

    Returns:
        Counts: ``images``, ``predicted``, ``unusable``; ``other_size``, the images of another size than those of the
        training, None where that size is not known; ``frame``, that size; ``not_read``, files of folders that are no
        images by their names.

    Raises:
        UsageError: a place is not there, the file to write is something else already, or the run does not know the
            size to resize to.
        GzError: there is no image, the run has no model, or the file cannot be written.
    """
    check_target(parquet)
    files = find_files(places)
    chosen = open_run(run)
    cut = cut_of(chosen, resize=resize)
    batches = predict_files(files.images, chosen.model().predict_on_batch, cut=cut, scheme=chosen.scheme)
    unusable = other_size = 0
    sweep(parquet.parent, parquet.name)  # of the same command, if it was killed
    with writing(parquet.parent), appearing(parquet) as file, pq.ParquetWriter(file, columns(chosen.scheme)) as out:
        for group in _groups(batches, advance):
            out.write_table(group)
            unusable += len(group) - group["reason"].null_count
            other_size += count_true(group["other_size"])
    others = [path for path in files.others if path.resolve() != parquet.resolve()]
    return counts_of(FoundFiles(files.images, others), cut, unusable, other_size)


def counts_of(files: FoundFiles, cut: Cut, unusable: int, other_size: int) -> Json:
    """Counts of classified images, as :func:`predict` gives them."""
    return {
        "images": len(files.images),
        "predicted": len(files.images) - unusable,
        "unusable": unusable,
        "other_size": None if cut.frame is None else other_size,
        "frame": cut.frame,
        "not_read": [readable(path) for path in files.others],
    }


Scale = Literal["tell", "resize", "assume"]
"""What is done about images of another size than those of the training."""


def notes(counts: Json, scale: Scale, reasons: pa.ChunkedArray | None = None) -> Iterator[str]:
    """Sentences for the user: what could not be classified, what was not read, which images had another size.

    Args:
        counts: what :func:`predict` gave.
        scale: what was done about images of another size.
        reasons: the column ``reason`` of what was written, if it is at hand.
    """
    if counts["unusable"]:
        why = "" if reasons is None else f": {_commonest(reasons)}"
        yield f"{counts['unusable']} could not be classified{why}. See the column `reason`."
    if counts["not_read"]:
        yield unread(counts["not_read"])
    other_size, images, frame = (counts[key] for key in ("other_size", "images", "frame"))
    if scale == "assume":
        return
    if other_size is None:
        yield "The run does not say how large the images of its training were, so their scale was not compared."
    elif other_size and scale == "resize":
        yield f"{other_size} of {images} were resized to {frame} x {frame} px, as the images of the training were."
    elif other_size:
        yield (
            f"{other_size} of {images} are not {frame} x {frame} px, as the images of the training were, so their "
            "galaxies may appear larger or smaller than those that the model has learned from; see the column "
            "`other_size`. --resize brings them to that size, --assume-scale takes them as they are."
        )


def reasons_in(parquet: str) -> pa.ChunkedArray:
    """The column ``reason`` of a file that :func:`predict` wrote."""
    return pq.read_table(parquet, columns=["reason"])["reason"]


def _commonest(reasons: pa.ChunkedArray) -> str:
    """The commonest reasons, each with the number of images; the others are counted."""
    counted = pc.value_counts(reasons.drop_null()).to_pylist()
    ordered = sorted(counted, key=lambda one: (-one["counts"], one["values"]))
    shown = [f"{brief(one['values'], 100)} ({one['counts']})" for one in ordered[:_REASONS]]
    rest = sum(one["counts"] for one in ordered[_REASONS:])
    return "; ".join([*shown, *([f"other reasons ({rest})"] if rest else [])])


def cut_of(run: Run, *, resize: bool) -> Cut:
    """How the input of a run's model is cut out of an image.

    Raises:
        UsageError: images are to be resized, and the run does not know to which size.
    """
    if resize and run.data.frame is None:
        raise UsageError(
            f"The run in {run.folder.root} does not say how large the images of its training were, so --resize cannot "
            "bring others to that size; resize them yourself, or train the run again."
        )
    return Cut(run.crop, run.data.frame, resize, run.data.masked)


def count_true(column: pa.ChunkedArray) -> int:
    """How many values of a column are true."""
    return int(pc.sum(column).as_py() or 0)


def check_target(path: Path) -> None:
    """Refuse a name of another kind of file, and a file that is no parquet file: it may be an image.

    Raises:
        UsageError: it is one of these.
    """
    if not path.exists():
        _check_ending(path)
        return
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_PARQUET)) == _PARQUET:
                return
    raise UsageError(f"{path} is there already and is no parquet file; choose another name for --parquet.")


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in _ENDINGS:
        raise UsageError(
            f"--parquet writes a parquet file, and {path.name} ends in {path.suffix}; name it "
            f"{path.with_suffix('.parquet').name}."
        )


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
    paths: Sequence[Path], classify: Classify, *, cut: Cut, scheme: Scheme, batch: int = BATCH
) -> Iterator[pa.RecordBatch]:
    """Classify image files, in their order.

    Args:
        paths: the files.
        classify: the model; it always gets ``batch`` images, so that it is compiled once.
        cut: how the model's input is cut out of an image.
        scheme: whose labels the model gives.
        batch: images at a time.

    Yields:
        A row an image, in the columns of :func:`columns`.
    """
    with reading_threads() as pool:
        for crops in read_ahead(pool, partial(read_crop, cut=cut), in_batches(paths, batch)):
            yield _rows(crops, _probabilities(crops, classify, batch, len(scheme.names)), scheme)


def _probabilities(crops: list[Crop], classify: Classify, batch: int, labels: int) -> Floats:
    """Label probabilities, float32 [N, L]; NaN for images that cannot be used."""
    usable = {place: crop.pixels for place, crop in enumerate(crops) if crop.pixels is not None}
    found = np.full((len(crops), labels), np.nan, np.float32)
    if usable:
        padded = filled_up(np.stack(list(usable.values())), batch)
        found[list(usable)] = np.asarray(classify(padded))[: len(usable)]
    return found


def columns(scheme: Scheme, key: str = "path") -> pa.Schema:
    """Columns of a prediction: the image, a probability for each label, an answer for each question, and two more.

    ``other_size`` says whether the image has another size than those of the training; it is null where that is not
    known. ``reason`` says why an image has no prediction; it is null where it has one.

    Args:
        scheme: whose labels the model gives.
        key: name of the first column: ``path`` of an image, or ``id`` of a record, which is null where the record is
            beyond reach.
    """
    labels = [(name, pa.float32()) for name in scheme.names]
    answers = [(question.name, pa.string()) for question in scheme.questions]
    last = (("other_size", pa.bool_()), ("reason", pa.string()))
    return pa.schema([pa.field(key, pa.string(), nullable=key != "path"), *labels, *answers, *last])


def _rows(crops: list[Crop], probabilities: Floats, scheme: Scheme) -> pa.RecordBatch:
    paths = [readable(crop.path) for crop in crops]
    sizes, reasons = [crop.other_size for crop in crops], [crop.reason for crop in crops]
    return as_rows(paths, probabilities, sizes, reasons, scheme=scheme)


def as_rows(  # noqa: PLR0913 -- the columns of a prediction
    names: Sequence[str | None],
    probabilities: Floats,
    other_size: Sequence[bool | None],
    reasons: Sequence[str | None],
    *,
    scheme: Scheme,
    key: str = "path",
) -> pa.RecordBatch:
    """Put predictions into columns.

    Args:
        names: N values of the first column.
        probabilities: float32 [N, L]; NaN where there are none.
        other_size: whether the image has another size than those of the training.
        reasons: why there are none, where that is known.
        scheme: whose labels the model gives.
        key: name of the first column.
    """
    known = ~np.isnan(probabilities.min(axis=1))
    told = [None if good else reason or _NO_NUMBER for reason, good in zip(reasons, known, strict=True)]
    labels = [pa.array(column, mask=~known) for column in probabilities.T]
    answers = [
        pa.array(answer_names(question, probabilities[:, block]), mask=~known)
        for question, block in zip(scheme.questions, scheme.blocks, strict=True)
    ]
    last = (pa.array(other_size, pa.bool_()), pa.array(told, pa.string()))
    return pa.record_batch([pa.array(names, pa.string()), *labels, *answers, *last], schema=columns(scheme, key))


def answer_names(question: Question, probabilities: Floats) -> list[str]:
    """The answer that a model gives to a question, for N images; see :func:`gztrain.data.labels.chosen_answers`.

    Args:
        question: a question with K labels.
        probabilities: float32 [N, K].
    """
    return [classes(question)[place] for place in chosen_answers(probabilities)]
