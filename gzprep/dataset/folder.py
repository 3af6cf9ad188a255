"""The dataset folder, on this machine or in a bucket: where everything is, how files appear whole, who may write.

``OUT/.gzprep/`` holds the plan, one record a finished bin, temporaries and the lock. Nothing but a finished shard ever
has a name with ``.tfrecord-`` in it.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gzcore.dataset.layout import CARDS, CATALOGUE, MANIFEST, REJECTS
from gzcore.errors import GzError
from gzcore.storage.places import Place, Url, local, remove_all
from gzcore.storage.places import appearing as appearing_in_bucket
from gzprep.config import DATASET_NAME


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths of a dataset folder."""

    root: Place

    @property
    def manifest(self) -> Place:
        """The file whose presence says that the folder is whole."""
        return self.root / MANIFEST

    @property
    def catalogue(self) -> Place:
        """A row a galaxy, rejected ones too."""
        return self.root / CATALOGUE

    @property
    def rejects(self) -> Place:
        """A row a rejected galaxy."""
        return self.root / REJECTS

    @property
    def work(self) -> Place:
        """Everything that is not for readers."""
        return self.root / ".gzprep"

    @property
    def plan(self) -> Place:
        """What the folder is being made from."""
        return self.work / "plan.json"

    @property
    def bins(self) -> Place:
        """One parquet file a finished bin."""
        return self.work / "bins"

    @property
    def temporaries(self) -> Place:
        """Files being written; for a bucket they are in the machine's own temporary folder."""
        return self.work / "tmp"

    @property
    def spool(self) -> Path | None:
        """Where a worker keeps records until their order is known; None: the machine's own temporary folder."""
        return self.temporaries if isinstance(self.temporaries, Path) else None

    def bin_record(self, name: str) -> Place:
        """The record of a finished bin."""
        return self.bins / f"{name}.parquet"

    def prepare(self) -> None:
        """Make the folders that a run writes into.

        Raises:
            GzError: they cannot be made.
        """
        with writing(self.root):
            self.bins.mkdir(parents=True, exist_ok=True)
            self.temporaries.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def writing(path: Place) -> Iterator[None]:
    """Turn the system's complaints about writing below ``path`` into one sentence.

    Raises:
        GzError: the disk is full, the folder is read-only, or something else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise GzError(
                f"The disk is full while writing into {path}; free some space and run the same command again: "
                "it goes on where it stopped."
            ) from None
        raise GzError(f"Cannot write into {path} ({error.strerror or error}); choose another place.") from None


@contextlib.contextmanager
def appearing(path: Place, temporaries: Place) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when it is whole: written beside, flushed to disk, renamed."""
    if isinstance(path, Url):
        with appearing_in_bucket(path) as file:
            yield file
        return
    beside = local(temporaries) / f"{path.name.replace('.tfrecord-', '.part-')}.{uuid.uuid4().hex}"
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Place, temporaries: Place, value: Any) -> None:  # noqa: ANN401 -- any JSON value
    """Write a JSON document that appears whole."""
    with appearing(path, temporaries) as file:
        file.write(json_bytes(value))


def json_bytes(value: Any) -> bytes:  # noqa: ANN401 -- any JSON value
    """A JSON document as we write it."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def read_json(path: Place) -> Any:  # noqa: ANN401 -- any JSON value
    """Read a JSON document of our own making.

    Raises:
        GzError: the file is absent or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GzError(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise GzError(f"{path} is damaged; run gzprep again with --overwrite.") from None


def withdraw(path: Place) -> None:
    """Remove a file that may not be there; a bucket is asked first, for it throttles removals more than looks."""
    if isinstance(path, Path) or path.exists():
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Hold the folder's lock, which the system lets go of when the process ends, however it ends.

    A bucket has no such lock, and one that outlives a killed run is worse than none. There, the plan is the claim: it
    is created only where there is none, and two runs of one recipe write the same bytes under the same names.

    Raises:
        GzError: another run holds it.
    """
    if isinstance(folder.work, Url):
        yield
        return
    with writing(folder.root):
        folder.prepare()
        file = (folder.work / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GzError(f"Another run is writing into {folder.root}; wait for it, or choose another --out.") from None
        yield


def sweep(folder: Folder) -> None:
    """Remove what a killed run left behind. Call with the lock held."""
    with writing(folder.root):
        remove_tree(folder.temporaries)
        folder.temporaries.mkdir()


def remove_tree(place: Place) -> None:
    """Remove a folder of ours and the files in it.

    Raises:
        OSError: it is not there, or cannot be removed.
    """
    if isinstance(place, Path):
        shutil.rmtree(place)
    else:
        remove_all(place.iterdir())


def clear(folder: Folder, dataset: str) -> None:
    """Remove a data set, and nothing that is not part of one: ``--overwrite``.

    Args:
        folder: where it is.
        dataset: its name, beside the one that the folder itself remembers.
    """
    shards = (
        path for name in {dataset, *_remembered_names(folder)} for path in folder.root.glob(f"{name}-*.tfrecord-*")
    )
    with writing(folder.root):
        cards = (folder.root / name for name in CARDS)
        folder.manifest.unlink(missing_ok=True)  # first: from here on the folder is not whole
        remove_all((folder.catalogue, folder.rejects, *cards, *shards))
        with contextlib.suppress(OSError):
            remove_tree(folder.bins)
        folder.plan.unlink(missing_ok=True)
        folder.prepare()


def _remembered_names(folder: Folder) -> Iterator[str]:
    """Names of the data set that the folder holds, as far as they can still be read."""
    for path in (folder.plan, folder.manifest):
        with contextlib.suppress(GzError, KeyError, TypeError):
            name = read_json(path)["recipe"]["name"]
            if re.fullmatch(DATASET_NAME, name):
                yield name
