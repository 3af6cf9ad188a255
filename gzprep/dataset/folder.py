"""Paths of a dataset folder, on this machine or in a bucket, and what a run may remove there.

``OUT/.gzprep/`` holds the plan, one record a finished bin, temporaries and the lock. In ``OUT`` itself,
only finished shards have ``.tfrecord-`` in their names.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gzcore.dataset.layout import CARDS, CATALOGUE, MANIFEST, MERGING, REJECTS
from gzcore.errors import GzError
from gzcore.storage.atomic import read_json, remove_tree, writing
from gzcore.storage.locks import locked as hold
from gzcore.storage.places import Place, remove_all
from gzprep.config import DATASET_NAME

WORK = ".gzprep"
"""Folder of what is not for readers."""


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
        return self.root / WORK

    @property
    def plan(self) -> Place:
        """What the folder is being made from."""
        return self.work / "plan.json"

    @property
    def merging(self) -> Place:
        """There where ``gzprep merge`` writes or has written: the hashes of what it joins."""
        return self.root / MERGING

    @property
    def refused(self) -> Place:
        """There while the last run stopped because too much was rejected: another recipe may take the folder over."""
        return self.work / "refused.json"

    @property
    def mean_image(self) -> Place:
        """The sum of some source images, for the report."""
        return self.work / "mean_image.npz"

    def bin_mean(self, name: str) -> Place:
        """The same of one bin."""
        return self.bins / f"{name}.mean.npz"

    @property
    def source(self) -> Place:
        """Whole paths of the data folder and the catalogues, which the manifest does not publish."""
        return self.work / "source.json"

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
def locked(folder: Folder) -> Iterator[None]:
    """Hold the folder's lock, and make the folders that a run writes into.

    Raises:
        GzError: another run holds it.
    """
    with hold(folder.root, WORK, "choose another --out"):
        folder.prepare()
        yield


def sweep(folder: Folder) -> None:
    """Remove what a killed run left behind. Call with the lock held."""
    with writing(folder.root):
        remove_tree(folder.temporaries)
        folder.temporaries.mkdir()


def clear(folder: Folder, dataset: str) -> None:
    """Remove a data set, and nothing that is not part of one: ``--overwrite``.

    Args:
        folder: where it is.
        dataset: its name, in addition to the name that the folder's own files give.
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
        folder.merging.unlink(missing_ok=True)
        folder.source.unlink(missing_ok=True)
        folder.mean_image.unlink(missing_ok=True)
        folder.refused.unlink(missing_ok=True)
        folder.prepare()


def _remembered_names(folder: Folder) -> Iterator[str]:
    """Names of the data set that the folder holds, as far as they can still be read."""
    for path in (folder.plan, folder.manifest):
        with contextlib.suppress(GzError, KeyError, TypeError):
            name = read_json(path)["recipe"]["name"]
            if re.fullmatch(DATASET_NAME, name):
                yield name
