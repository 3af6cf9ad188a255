"""What is fuzzed: functions from any bytes to None, which may raise nothing but the project's own errors."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from gzcore.dataset.example import parse, parse_record, view_in
from gzcore.dataset.tfrecord import DamagedRecord, read_records
from gzcore.errors import GzError
from gzcore.images import UnusableImage, decode, read_header
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile
from gzprep.config import read_recipe
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import open_folder
from gzprep.prepare.job import read_plan
from gztrain.config import read_config
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.data.fast_parse import split_record
from gztrain.evaluation.evaluate import read_metrics
from gztrain.evaluation.predictions import read_predictions
from gztrain.runs.folder import RunFolder, open_run
from gztrain.runs.history import damaged_in_training, read_history
from gztrain.training.checkpoint import Checkpoints
from tests.fuzz import readers
from tests.fuzz.mutate import BYTES, JSON, RECORDS, TEXT, ZIP, Mutation
from tests.gz2 import WIDTHS, check_columns, read_all, read_ids, row_count

Run = Callable[[bytes, Path], object]
_LONGEST_SENTENCE = 2000


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        run: reads a document; may write it into the folder first.
        errors: what it may raise.
        mutations: how its documents are changed.
    """

    run: Run
    errors: tuple[type[Exception], ...]
    mutations: Sequence[Mutation]

    def __call__(self, data: bytes) -> str | None:
        """Read a document.

        Returns:
            The sentence of the error of our own that was raised; None: the document was taken.

        Raises:
            Exception: any other error is a finding.
        """
        try:
            self.run(data, _folder())
        except self.errors as error:
            check_sentence(error)
            return str(error)
        return None


class BadSentence(AssertionError):
    """A message that cannot be read; its cause is the error that has it."""


def check_sentence(error: Exception) -> None:
    """A message is neither empty nor endless. Control characters may be in it: they are spelled out where it is told.

    Raises:
        BadSentence: it is.
    """
    text = str(error)
    if not text.strip() or len(text) > _LONGEST_SENTENCE:
        raise BadSentence(f"the message has {len(text)} characters: {text[:100]!r}") from error


_FOLDER: list[Path] = []


def _folder() -> Path:
    if not _FOLDER:
        _FOLDER.append(Path(mkdtemp(prefix="gz-fuzz-")))
    return _FOLDER[0]


def catalogue(name: str) -> Run:
    """Everything that a run does with a catalogue."""

    def run(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        check_columns(path)
        file = CatalogueFile(path, Split.TRAIN)
        rows, ids, galaxies = row_count(path), read_ids(file), list(read_all((file,)))
        assert len(galaxies) == len(ids) == rows, (len(galaxies), len(ids), rows)

    return run


def image(data: bytes, _: Path) -> None:
    header = read_header(data)
    pixels = decode(data)
    assert pixels.shape == (header.height, header.width, 3)
    assert decode(data, "RGBA").shape == (header.height, header.width, 4)


def example(data: bytes, _: Path) -> None:
    """Both parsers take the same records, and read the same from them."""
    whole, fast = _outcome(lambda: parse_record(data, WIDTHS)), _outcome(lambda: split_record(data, WIDTHS))
    assert isinstance(whole, Exception) == isinstance(fast, Exception), (whole, fast)
    for reader in (view_in, parse):
        _outcome(lambda reader=reader: reader(data))  # type: ignore[misc]
    if isinstance(whole, Exception):
        raise whole
    row, picture = fast
    assert (row.id, row.view, picture) == (whole.id, whole.view, whole.image)
    assert row.fraction == np.asarray(whole.fraction, "<f4").tobytes()


def _outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except DamagedRecord as error:
        return error


def tfrecord(data: bytes, _: Path) -> None:
    for record in read_records(io.BytesIO(data)):
        split_record(record, WIDTHS)


def manifest(data: bytes, folder: Path) -> None:
    """Both packages open the folder; each scheme is looked up. The shards are files of zeros, as long as they were."""
    readers.make_shards(folder)
    (folder / "manifest.json").write_bytes(data)
    open_folder(folder)
    dataset = open_dataset(folder)
    for name in dataset.manifest["labels"]["schemes"]:
        choose_scheme(dataset, name)


def plan(data: bytes, folder: Path) -> None:
    (folder / ".gzprep").mkdir(exist_ok=True)
    (folder / ".gzprep" / "plan.json").write_bytes(data)
    read_plan(Folder(folder))


def recipe(read: Callable[[Path], object]) -> Run:
    """A recipe of one of the packages."""

    def run(data: bytes, folder: Path) -> None:
        path = folder / "recipe.toml"
        path.write_bytes(data)
        read(path)

    return run


def setting(read: Callable[[None, list[str]], object]) -> Run:
    """A ``--set`` of one of the packages."""
    return lambda data, _: read(None, [data.decode("utf-8", "replace")])


def in_run(name: str, read: Callable[[RunFolder], object]) -> Run:
    """A document of a run folder."""

    def run(data: bytes, folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        read(RunFolder(folder))

    return run


def _history(folder: RunFolder) -> None:
    read_history(folder.history)
    damaged_in_training(folder.history)


OWN = (GzError,)
RECORD = (DamagedRecord,)
TARGETS: dict[str, Target] = {
    "catalogue_csv": Target(catalogue("gz2_train_catalog.csv"), OWN, TEXT),
    "catalogue_parquet": Target(catalogue("gz2_train_catalog.parquet"), OWN, BYTES),
    "image": Target(image, (UnusableImage,), BYTES),
    "example": Target(example, RECORD, BYTES),
    "tfrecord": Target(tfrecord, RECORD, RECORDS),
    "manifest": Target(manifest, OWN, JSON),
    "plan": Target(plan, OWN, JSON),
    "gzprep_recipe": Target(recipe(read_recipe), OWN, TEXT),
    "gztrain_recipe": Target(recipe(read_config), OWN, TEXT),
    "gzprep_setting": Target(setting(read_recipe), OWN, TEXT),
    "gztrain_setting": Target(setting(read_config), OWN, TEXT),
    "run_config": Target(in_run("config.json", lambda folder: open_run(folder.root)), OWN, JSON),
    "metrics": Target(in_run("metrics.json", read_metrics), OWN, JSON),
    "history": Target(in_run("history.csv", _history), OWN, TEXT),
    "predictions": Target(
        in_run("predictions-test.parquet", lambda folder: read_predictions(folder.predictions_of("test"))), OWN, BYTES
    ),
    "checkpoint": Target(
        in_run("checkpoint/last.npz", lambda folder: Checkpoints(folder.checkpoint).load()), OWN, BYTES
    ),
    "survey": Target(readers.survey, OWN, TEXT),
    "own_labels_csv": Target(readers.own_labels("own.csv"), OWN, TEXT),
    "own_labels_parquet": Target(readers.own_labels("own.parquet"), OWN, BYTES),
    "fits": Target(readers.fits, (UnusableImage,), BYTES),
    "tar": Target(readers.tar, OWN, BYTES),
    "parquet_images": Target(readers.parquet_images, OWN, BYTES),
    "pipeline": Target(readers.pipeline, OWN, TEXT),
    "torch_file": Target(readers.torch_file, OWN, ZIP),
    "embeddings": Target(readers.embeddings, OWN, BYTES),
    "model_card": Target(readers.model_card, OWN, JSON),
    "converted": Target(readers.converted, OWN, JSON),
    "convert_note": Target(readers.convert_note, OWN, JSON),
    "published": Target(readers.published, OWN, TEXT),
    "prevalence": Target(readers.prevalence, OWN, TEXT),
    "intervals": Target(readers.intervals, OWN, ZIP),
}
