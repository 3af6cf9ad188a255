"""One part, from its images to its file of predictions: what one worker does in one go.

A part's file appears whole, and says in its metadata what it was made of. A part whose file still matches the model and
the bytes of its images is left alone; that is all there is to resuming.
"""

import contextlib
import hashlib
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.errors import GzError
from gzcore.images import Pixels
from gzcore.storage.ahead import ahead
from gzcore.storage.atomic import read_if_there, write_bytes
from gzcore.storage.damage import DAMAGE
from gzcore.storage.places import Place, Url
from gztrain.data import open_reader, select
from gztrain.data.cache import copy_here, fetch
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.data.labels import Floats
from gztrain.data.stream import fill, in_order
from gztrain.predict.beam.parts_plan import FORMAT, Part, PartRecord, PredictionJob, images_of, model_hash
from gztrain.predict.crops import readable
from gztrain.predict.images import BATCH, ROW_GROUP, as_rows, columns, count_true, cut_of, predict_files
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import open_run
from gztrain.runs.remote import model_alone, run_here

_META = b"gztrain"
_AT_ONCE = 8
"""Files whose bytes are hashed at one time."""


class Classifier:
    """The model of a run, loaded once in a process, and used by one thread at a time.

    Attributes:
        scheme: its labels.
        cut: how its input is cut out of an image.
    """

    def __init__(self, job: PredictionJob) -> None:
        with run_here(job.run, model_alone) as copy:
            run = open_run(copy.folder)
            if model_hash(run) != job.model:
                raise GzError(f"The model in {job.run} is not what it was when this began; run the command again.")
            self._model = run.model()
        self.scheme, self.cut = run.scheme, cut_of(run, resize=job.resize)
        self._in_use = threading.Lock()

    def __call__(self, images: Pixels) -> Floats:
        """Classify uint8 [BATCH, crop, crop, 3]; float32 [BATCH, L]."""
        with self._in_use:
            return np.asarray(self._model.predict_on_batch(images))


def predict_part(job: PredictionJob, part: Part, classifier: Classifier) -> PartRecord:
    """Make the file of a part, unless it is there and up to date.

    Raises:
        GzError: something that is needed cannot be read, or the file not be written.
    """
    began = time.monotonic()
    if job.data:
        return _predict_shard(job, open_dataset(job.data), part, classifier, began)
    wanted = images_of(job, part)
    with brought_here(wanted) as paths:
        identity = _identity(job, wanted, paths)
        found = find_finished(job, part, identity)
        return found or _commit(job, part, identity, _image_rows(wanted, paths, classifier), began)


@contextlib.contextmanager
def brought_here(places: Sequence[Place]) -> Iterator[list[Path]]:
    """Paths of files on this machine; those in buckets are copied for as long as the block lasts.

    An object that is not there has no file, either.
    """
    with tempfile.TemporaryDirectory(prefix="gztrain-") as folder:
        paths = [
            place if isinstance(place, Path) else Path(folder, f"{number}{place.suffix}")
            for number, place in enumerate(places)
        ]
        far = [(place, path) for place, path in zip(places, paths, strict=True) if isinstance(place, Url)]
        for _ in ahead(_bring, far):
            pass
        yield paths


def _bring(pair: tuple[Url, Path]) -> None:
    with contextlib.suppress(FileNotFoundError):
        copy_here(*pair)


def _predict_shard(
    job: PredictionJob, dataset: Dataset, part: Part, classifier: Classifier, began: float
) -> PartRecord:
    (shard,) = (shard for shard in dataset.shards if shard.path.name == part.shard)
    fetch(dataset.source, [(shard.path, shard.bytes, shard.sha256)])
    identity = _identity(job, [part.shard], [shard.path])
    found = find_finished(job, part, identity)
    return found or _commit(job, part, identity, _record_rows(replace(dataset, shards=(shard,)), classifier), began)


def _identity(job: PredictionJob, wanted: Sequence[object], paths: Sequence[Path]) -> str:
    """Hash of all that decides a part's rows: the model, names, and the bytes behind them."""
    digest = hashlib.blake2b(f"{FORMAT} {job.model} {job.key} {job.resize}".encode(), digest_size=32)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, content in zip(map(str, wanted), pool.map(_digest, paths), strict=True):
            digest.update(f"{len(name)} {name} {content}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _digest(path: Path) -> str:
    """Hash of a regular file; of anything else there is none, and it is rejected where it is read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def find_finished(job: PredictionJob, part: Part, identity: str) -> PartRecord | None:
    """What a part came to that is there, whole, and made of the same; else None."""
    data = read_if_there(job.file(part.name))
    if data is None:
        return None
    try:
        table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
        told = json.loads(table.schema.metadata[_META])
        if told["identity"] != identity or told["objects"] != len(table):
            return None
        return _record(part, table, dict(told["rejected"]), data)
    except DAMAGE:
        return None  # cut short, or not ours: it is made again


def _record(part: Part, rows: pa.Table, rejected: dict[str, int], data: bytes, seconds: float = 0.0) -> PartRecord:
    sha256, other_size = hashlib.sha256(data).hexdigest(), count_true(rows["other_size"])
    return PartRecord(part.name, len(rows), rejected, len(data), sha256, other_size, seconds)


def _commit(job: PredictionJob, part: Part, identity: str, rows: pa.Table, began: float) -> PartRecord:
    """Write the rows of a part. The same rows give the same bytes: the file knows nothing of when and where."""
    reasons = Counter(reason for reason in rows["reason"].to_pylist() if reason is not None)
    rejected = dict(sorted(reasons.items()))
    told = {"identity": identity, "model": job.model, "objects": len(rows), "rejected": rejected}
    sink = pa.BufferOutputStream()
    table = rows.replace_schema_metadata({_META: json.dumps(told, sort_keys=True)})
    pq.write_table(table, sink, row_group_size=ROW_GROUP, write_page_checksum=True)
    data = sink.getvalue().to_pybytes()
    write_bytes(job.file(part.name), data)
    return _record(part, rows, rejected, data, time.monotonic() - began)


def _image_rows(wanted: Sequence[Place], paths: Sequence[Path], classifier: Classifier) -> pa.Table:
    batches = list(predict_files(paths, classifier, cut=classifier.cut, scheme=classifier.scheme))
    table = pa.Table.from_batches(batches, schema=columns(classifier.scheme))
    return table.set_column(0, table.schema.field(0), pa.array((readable(str(place)) for place in wanted), pa.string()))


def _record_rows(dataset: Dataset, classifier: Classifier) -> pa.Table:
    """Rows of the records of one shard, in its order; a damaged one has a reason, and no id."""
    (shard,) = dataset.shards
    reader = open_reader("native", skip_damaged=True)
    selection = select(dataset, shard.split)
    ids: list[str | None] = [None] * len(selection)
    found = np.full((len(selection), len(classifier.scheme.names)), np.nan, np.float32)
    for batch in in_order(reader, selection, BATCH):
        found[batch.places] = classifier(fill(batch.images, BATCH))[: len(batch)]
        for place, name in zip(batch.places.tolist(), batch.ids, strict=True):
            ids[place] = name
    reasons = [reader.damage.records.get((shard.path.name, int(number) + 1)) for number in selection.number]
    sizes = [_other_frame(dataset, classifier)] * len(selection)
    rows = as_rows(ids, found, sizes, reasons, scheme=classifier.scheme, key="id")
    return pa.Table.from_batches([rows], schema=columns(classifier.scheme, "id"))


def _other_frame(dataset: Dataset, classifier: Classifier) -> bool | None:
    """Whether the crops of a data set were cut from images of another size than those of the training."""
    frames = (record_of(dataset).frame, classifier.cut.frame)
    return None if None in frames else frames[0] != frames[1]
