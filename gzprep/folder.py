"""The dataset folder: where everything is, how files appear whole, and who may write into it.

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

from gzprep.config import DATASET_NAME
from gzprep.errors import GzprepError

FORMAT = 1
"""Version of the dataset folder's format."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths of a dataset folder."""

    root: Path

    @property
    def manifest(self) -> Path:
        """The file whose presence says that the folder is whole."""
        return self.root / "manifest.json"

    @property
    def catalogue(self) -> Path:
        """A row a galaxy, rejected ones too."""
        return self.root / "catalogue.parquet"

    @property
    def rejects(self) -> Path:
        """A row a rejected galaxy."""
        return self.root / "rejects.parquet"

    @property
    def work(self) -> Path:
        """Everything that is not for readers."""
        return self.root / ".gzprep"

    @property
    def plan(self) -> Path:
        """What the folder is being made from."""
        return self.work / "plan.json"

    @property
    def bins(self) -> Path:
        """One parquet file a finished bin."""
        return self.work / "bins"

    @property
    def temporaries(self) -> Path:
        """Files being written."""
        return self.work / "tmp"

    def bin_record(self, name: str) -> Path:
        """The record of a finished bin."""
        return self.bins / f"{name}.parquet"

    def prepare(self) -> None:
        """Make the folders that a run writes into.

        Raises:
            GzprepError: they cannot be made.
        """
        with writing(self.root):
            self.bins.mkdir(parents=True, exist_ok=True)
            self.temporaries.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's complaints about writing below ``path`` into one sentence.

    Raises:
        GzprepError: the disk is full, the folder is read-only, or something else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise GzprepError(
                f"The disk is full while writing into {path}; free some space and run the same command again: "
                "it goes on where it stopped."
            ) from None
        raise GzprepError(f"Cannot write into {path} ({error.strerror or error}); choose another place.") from None


@contextlib.contextmanager
def appearing(path: Path, temporaries: Path) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when it is whole: written beside, flushed to disk, renamed."""
    beside = temporaries / f"{path.name.replace('.tfrecord-', '.part-')}.{uuid.uuid4().hex}"
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, temporaries: Path, value: Any) -> None:  # noqa: ANN401 -- any JSON value
    """Write a JSON document that appears whole."""
    with appearing(path, temporaries) as file:
        file.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:  # noqa: ANN401 -- any JSON value
    """Read a JSON document of our own making.

    Raises:
        GzprepError: the file is absent or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GzprepError(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise GzprepError(f"{path} is damaged; run gzprep again with --overwrite.") from None


@contextlib.contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Hold the folder's lock, which the system lets go of when the process ends, however it ends.

    Raises:
        GzprepError: another run holds it.
    """
    with writing(folder.root):
        folder.prepare()
        file = (folder.work / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GzprepError(
                f"Another run is writing into {folder.root}; wait for it, or choose another --out."
            ) from None
        yield


def sweep(folder: Folder) -> None:
    """Remove what a killed run left behind. Call with the lock held."""
    with writing(folder.root):
        shutil.rmtree(folder.temporaries)
        folder.temporaries.mkdir()


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
        for path in (folder.manifest, folder.catalogue, folder.rejects, *shards):
            path.unlink(missing_ok=True)
        shutil.rmtree(folder.bins, ignore_errors=True)
        folder.plan.unlink(missing_ok=True)
        folder.prepare()


def _remembered_names(folder: Folder) -> Iterator[str]:
    """Names of the data set that the folder holds, as far as they can still be read."""
    for path in (folder.plan, folder.manifest):
        with contextlib.suppress(GzprepError, KeyError, TypeError):
            name = read_json(path)["recipe"]["name"]
            if re.fullmatch(DATASET_NAME, name):
                yield name
