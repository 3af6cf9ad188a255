"""What is to be predicted, cut into parts: each a shard of a data set, or the images that a hash puts together.

``OUT/.gztrain/`` holds the plan, the list of images and the lock. The list is one object, in which a part is a range of
bytes: so the graph stays small however many images there are.
"""

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from gzcore.dataset.layout import VIEWS
from gzcore.errors import GzError, UsageError
from gzcore.storage import locks
from gzcore.storage.atomic import json_bytes, read_if_there, sweep, withdraw, write_bytes
from gzcore.storage.places import Place, Url, place_from, remove_all
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.predict.crops import find_files, is_image_name, no_images
from gztrain.predict.images import cut_of
from gztrain.runs.folder import Run, open_run
from gztrain.runs.remote import model_alone, run_here

FORMAT = 2
"""Version of the folder's format."""
SUMMARY = "predictions.json"
"""Its presence says that the folder is whole."""
WORK = ".gztrain"
IMAGES_A_PART = 2048
"""Half a minute of two cores for a small model, and two row groups."""
_MOST = 4
"""How much fuller than that parts may become before there are more of them: as long as not, what is done is kept."""
_PART = re.compile(r"part-\d{5,}-of-\d{5,}\.parquet")
_LIST = re.compile(r"images-[0-9a-f]{16}")
_END = b"\0"
"""Of a name in the list: names may hold anything else."""


@dataclass(frozen=True, slots=True)
class Part:
    """A unit of work and of resuming: one file of predictions.

    Attributes:
        name: of its file.
        shard: the shard that it predicts; "" where it is images.
        start, length: bytes of the list of images that name them.
    """

    name: str
    shard: str = ""
    start: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What became of a part.

    Attributes:
        file: its name.
        objects: rows.
        rejected: reason to number of rows without a prediction.
        other_size: images of another size than those of the training.
        bytes, sha256: of the file.
        seconds: that its making took; 0 where it was there already.
    """

    file: str
    objects: int
    rejected: dict[str, int]
    bytes: int
    sha256: str
    other_size: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PredictionJob:
    """What a worker needs to know; all places are absolute.

    Attributes:
        run: run folder.
        model: SHA-256 of its model.
        out: folder of predictions.
        data: dataset folder; None where images are predicted.
        images: the list of images; None where a data set is.
        awaited: whether the launcher waits for a sign that workers have begun.
        resize: whether images of another size than those of the training are brought to that size.
        frame: height and width of the images of the training, px; None where that is not known.
    """

    run: Place
    model: str
    out: Place
    data: Place | None = None
    images: Place | None = None
    awaited: bool = False
    resize: bool = False
    frame: int | None = None

    @property
    def sign_of_life(self) -> Place:
        """The file that a worker leaves when it begins, where the launcher waits for it."""
        return self.file(f"{WORK}/started")

    @property
    def key(self) -> str:
        """Name of the first column."""
        return "id" if self.data else "path"

    def file(self, name: str) -> Place:
        """A file of the folder."""
        return self.out / name


@dataclass(frozen=True, slots=True)
class PredictionPlan:
    """A job and its parts.

    Attributes:
        job: what a worker needs to know.
        parts: the units of work.
        listing: the list of images as it is to be written.
        others: files of folders that are not read, because their names are not those of images.
    """

    job: PredictionJob
    parts: tuple[Part, ...]
    listing: bytes = b""
    others: tuple[str, ...] = ()

    def remembered(self) -> dict[str, object]:
        """What the folder is to know of it."""
        return {"format": FORMAT, "model": self.job.model, "key": self.job.key, "parts": len(self.parts)}


def make_plan(run: Place, wanted: Sequence[Place], out: Place, *, resize: bool = False) -> PredictionPlan:
    """Work out what is to be done. Writes nothing.

    Args:
        run: the run folder.
        wanted: one dataset folder, or images and folders of them.
        out: the folder of predictions.
        resize: bring images of another size than those of the training to that size.

    Raises:
        UsageError: a place is not there, the folder cannot hold these predictions, or nothing can be resized.
        GzError: the run has no model, or there is nothing to predict.
    """
    with run_here(run, model_alone) as copy:
        opened = open_run(copy.folder)
        model = model_hash(opened)
        cut_of(opened, resize=resize)
    data = next((place for place in wanted if (place / "manifest.json").exists()), None)
    if data and len(wanted) > 1:
        raise UsageError(f"{data} is a dataset folder, and predicted by itself; name nothing beside it.")
    if data and resize:
        raise UsageError(f"{data} is a dataset folder, whose images are cut already; leave --resize out.")
    job = PredictionJob(run, model, out, data, resize=resize, frame=opened.data.frame)
    before = _check_folder(job)
    return _plan_shards(job, open_dataset(data), opened.crop) if data else _plan_images(job, wanted, before)


def model_hash(run: Run) -> str:
    """SHA-256 of the model of a run.

    Raises:
        GzError: it has none yet.
    """
    if not run.folder.model.is_file():
        raise GzError(f"There is no model {run.folder.model}: the run has not ended; go on with gztrain fit.")
    with run.folder.model.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_folder(job: PredictionJob) -> int:
    """Refuse a folder of other predictions; return the number of parts that it has, or 0."""
    if isinstance(job.out, Path) and job.out.exists() and not job.out.is_dir():
        raise UsageError(f"{job.out} is a file; with --runner, --parquet names a folder for files.")
    if job.out == job.data:
        raise UsageError(f"{job.out} is the data set itself; choose another folder with --parquet.")
    found = read_if_there(job.file(f"{WORK}/plan.json"))
    if found is None:
        return 0
    try:
        before = json.loads(found)
        model, key, parts = str(before["model"]), str(before["key"]), int(before["parts"])
    except (ValueError, TypeError, KeyError):
        raise GzError(f"The plan in {job.file(WORK)} is damaged; remove {job.out} and begin anew.") from None
    if model != job.model:
        raise UsageError(
            f"{job.out} holds predictions of another model (SHA-256 {model[:12]}; that of {job.run} is now "
            f"{job.model[:12]}); choose another folder with --parquet, or remove that one."
        )
    if key != job.key:
        raise UsageError(f"{job.out} holds rows by {key}, and these would be by {job.key}; choose another folder.")
    return parts


def _plan_shards(job: PredictionJob, dataset: Dataset, crop: int) -> PredictionPlan:
    """View 0 of each galaxy: a part a shard, in the manifest's order."""
    if dataset.crop != crop:
        raise GzError(f"The run in {job.run} sees images of {crop} px; those in {job.data} have {dataset.crop}.")
    shards = [shard.path.name for shard in dataset.shards if shard.split != VIEWS]
    return PredictionPlan(job, tuple(Part(_name(place, len(shards)), shard) for place, shard in enumerate(shards)))


def _plan_images(job: PredictionJob, wanted: Sequence[Place], before: int) -> PredictionPlan:
    """Images are put together by a hash of their address: one more or less changes one part, and no other."""
    addresses, others = _find_everywhere(wanted)
    found = [os.fsencode(address) + _END for address in addresses]
    count = math.ceil(len(found) / IMAGES_A_PART)
    if before and len(found) <= _MOST * before * IMAGES_A_PART:
        count = before
    bins: list[list[bytes]] = [[] for _ in range(count)]
    for name in found:
        bins[int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") % count].append(name)
    lengths = [sum(map(len, names)) for names in bins]
    starts = accumulate(lengths, initial=0)
    parts = (
        Part(_name(place, count), start=start, length=length)
        for place, (start, length) in enumerate(zip(starts, lengths, strict=False))
    )
    listing = b"".join(name for names in bins for name in names)
    images = job.file(f"{WORK}/images-{hashlib.blake2b(listing, digest_size=8).hexdigest()}")
    return PredictionPlan(replace(job, images=images), tuple(parts), listing, tuple(others))


def _find_everywhere(wanted: Sequence[Place]) -> tuple[list[str], list[str]]:
    """Addresses of images, and of files that are not read; each once, sorted."""
    images: set[str] = set()
    others: set[str] = set()
    for place in wanted:
        if isinstance(place, Url):
            near, far = _find_in_bucket(place)
            images, others = images | near, others | far
    paths = [place for place in wanted if isinstance(place, Path)]
    if paths:
        files = find_files(paths)
        images, others = images | set(map(str, files.images)), others | set(map(str, files.others))
    return sorted(images), sorted(others)


def _find_in_bucket(place: Url) -> tuple[set[str], set[str]]:
    """Addresses of the images below an address, and of the other objects."""
    if is_image_name(place.name) and place.is_file():
        return {str(place)}, set()
    objects = list(place.below())
    images = {str(image) for image in objects if is_image_name(image.name)}
    others = {str(other) for other in objects} - images
    if not images:
        raise GzError(no_images(str(place), sorted(others)))
    return images, others


def _name(place: int, count: int) -> str:
    return f"part-{place:05d}-of-{count:05d}.parquet"


def images_of(job: PredictionJob, part: Part) -> list[Place]:
    """The images of a part.

    Raises:
        GzError: their list is gone.
    """
    found = None if job.images is None else read_if_there(job.images, part.start, part.start + part.length)
    if found is None:
        raise GzError(f"The list of images {job.images} is gone: did another run sweep it? Run the command again.")
    return [place_from(os.fsdecode(name)) for name in found.split(_END)[:-1]]


def locked(out: Place) -> contextlib.AbstractContextManager[None]:
    """Hold the folder's lock, as far as there is one: in a bucket, two runs write the same bytes.

    Raises:
        GzError: another run holds it.
    """
    return locks.locked(out, WORK)


def begin(plan: PredictionPlan) -> None:
    """Make the folder ready: it is not whole any more, and has no leftovers. Call with the lock held."""
    job = plan.job
    for place in (job.file(SUMMARY), job.sign_of_life):
        withdraw(place)
    for folder in (job.out, job.file(WORK)):
        sweep(folder)
    parts = {part.name for part in plan.parts}
    old = [file for file in _files(job.out) if _PART.fullmatch(file.name) and file.name not in parts]
    lists = [file for file in _files(job.file(WORK)) if _LIST.fullmatch(file.name) and file != job.images]
    remove_all([*old, *lists])
    if job.images:
        write_bytes(job.images, plan.listing)
    write_bytes(job.file(f"{WORK}/plan.json"), json_bytes(plan.remembered()))


def _files(folder: Place) -> Iterator[Place]:
    return iter(folder.iterdir() if folder.is_dir() else ())
