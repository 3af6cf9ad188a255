"""The cache of a trainer on this machine: shards of data sets in buckets, and indexes of all shards.

Training reads every record many times and in any order, so a shard in a bucket is fetched whole when it is first used,
checked against the manifest's SHA-256, and kept in ``GZTRAIN_CACHE`` (default ``~/.cache/gztrain``); both readers then
find plain files. Nothing is ever written into a data set.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from gzcore.console import brief, say
from gzcore.dataset.layout import MANIFEST, SPLITS
from gzcore.dataset.making import command, remake
from gzcore.dataset.manifest import parse_manifest, read_manifest
from gzcore.dataset.schema import Manifest
from gzcore.errors import GzError
from gzcore.storage.ahead import ahead
from gzcore.storage.atomic import beside, write_bytes, writing
from gzcore.storage.documents import BadDocument, read_bytes
from gzcore.storage.places import Place, Url, sha256_of

CACHE = "GZTRAIN_CACHE"
_AT_ONCE = 4
"""Shards that are fetched at one time."""
_PIECE = 8 << 20


def cache_folder() -> Path:
    """The folder of the cache."""
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "gztrain").absolute()


def folder_here(place: Place) -> Path:
    """Where on this machine a dataset folder is to be found, its manifest at least.

    Args:
        place: a dataset folder.

    Returns:
        The folder itself, or its place in the cache.

    Raises:
        GzError: there is no such bucket or manifest, or it cannot be reached.
    """
    if isinstance(place, Path):
        return place
    root = cache_folder() / f"{place.name}-{hashlib.sha256(str(place).encode()).hexdigest()[:12]}"
    _take_manifest(root, place)
    return root


def _take_manifest(root: Path, source: Url) -> None:
    """Copy the manifest; shards here that it does not name any more, or names with other bytes, are removed."""
    try:
        data = read_bytes(source / MANIFEST)
    except FileNotFoundError:
        raise GzError(
            f"There is no whole dataset folder at {source} (no manifest.json); {command(source)} makes or finishes one."
        ) from None
    except BadDocument as error:
        raise GzError(f"{source / MANIFEST} is damaged ({brief(error)}).") from None
    now = _sums(parse_manifest(data, source)[0])
    kept = root / MANIFEST
    with writing(root):
        before = _kept_sums(root)
        for path in root.glob("*.tfrecord-*"):
            if now.get(path.name) is None or now[path.name] != before.get(path.name):
                path.unlink()
        write_bytes(kept, data)


def _kept_sums(root: Path) -> dict[str, str]:
    """SHA-256 of the shards here, by name, as the manifest says that is here; none if it is damaged."""
    try:
        return _sums(read_manifest(root)[0])
    except GzError:
        return {}  # what the shards here are is not known: they are fetched again


def _sums(manifest: Manifest) -> dict[str, str]:
    splits = (getattr(manifest.splits, split) for split in SPLITS)
    return {shard.file: shard.sha256 for split in splits for shard in split.shards}


def fetch(source: Url | None, shards: Iterable[tuple[Path, int, str]]) -> None:
    """Bring the shards that are not here yet.

    Args:
        source: the bucket's folder that the data set comes from; None: it is on this machine already.
        shards: path here, bytes and SHA-256 of each shard that will be read.

    Raises:
        GzError: one cannot be fetched, or is not what the manifest says.
    """
    absent = [] if source is None else [shard for shard in shards if not shard[0].exists()]
    if not absent or source is None:
        return
    size = sum(length for _, length, _ in absent)
    say(f"Fetching {len(absent)} shards ({size / 1e6:.0f} MB) from {source} into {absent[0][0].parent}")
    for _ in ahead(lambda shard: _fetch_one(source / shard[0].name, shard[0], shard[2]), absent, _AT_ONCE):
        pass


def _fetch_one(source: Url, path: Path, sha256: str) -> None:
    with writing(path.parent), beside(path) as temporary:
        copy_here(source, temporary)
        if sha256_of(temporary) != sha256:
            raise GzError(
                f"{source} is not what its manifest says (another SHA-256); {remake(source.parent)}: it makes "
                "what differs."
            )


def copy_here(source: Url, path: Path) -> None:
    """Copy an object into a file.

    Raises:
        FileNotFoundError: there is no such object.
        GzError: it cannot be read.
        OSError: the file cannot be written.
    """
    with contextlib.closing(source.open()) as far, path.open("wb") as near:
        shutil.copyfileobj(far, near, _PIECE)
