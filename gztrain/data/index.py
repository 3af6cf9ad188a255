"""Where the records of a shard are: offset, length and view of each, found on first use and kept in the cache.

Indexes are kept in ``GZTRAIN_CACHE/index/``, named by the shard's SHA-256 and size, so that the index of another file
is never used. Where that folder cannot be written, every run makes them anew. An index of a damaged shard is not kept.
"""

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from gzcore.dataset.example import view_in
from gzcore.dataset.tfrecord import HEADER, OVERHEAD, DamagedRecord, length_in, unframe
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing
from gzcore.storage.documents import BadDocument, read_bytes
from gztrain.data.cache import cache_folder
from gztrain.data.dataset import MOST_LOST, Shard

ENTRY = np.dtype([("offset", "<i8"), ("length", "<i4"), ("view", "<i2")])
"""A record: where its frame begins; its own length, -1: beyond reach; its view, -1: it cannot be told."""
Entries = npt.NDArray[np.void]

_BUFFER = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Lost:
    """The records of a shard from record ``first`` (from 0) on are beyond reach, for there ``why``."""

    first: int
    why: str

    def reason(self, number: int) -> str:
        """Why one of them cannot be used."""
        return self.why if number == self.first else f"it comes after record {self.first + 1}, and there {self.why}"


@dataclass(frozen=True)
class ShardIndex:
    """The records of a shard, as many as the manifest says; some may be lost.

    Attributes:
        entries: one a record, of dtype :data:`ENTRY`.
        lost: which records are beyond reach; None where all can be read.
    """

    entries: Entries
    lost: Lost | None = None


def index_shard(shard: Shard) -> ShardIndex:
    """Get the index of a shard: from the cache, or else made anew and put into the cache where that is possible.

    Raises:
        GzError: the shard cannot be opened.
    """
    path = kept_at(shard)
    kept = None if path is None else _read(path, shard)
    if kept is not None:
        return ShardIndex(kept)
    made = make_index(shard)
    if path is not None and (made.entries["view"] >= 0).all():
        _keep(path, made.entries)
    return made


def kept_at(shard: Shard) -> Path | None:
    """Where the index of a shard is kept; None where its SHA-256 is none, and so cannot name a file."""
    if _SHA256.fullmatch(shard.sha256) is None:
        return None
    return cache_folder() / "index" / f"{shard.sha256}-{shard.bytes}.npy"


def make_index(shard: Shard) -> ShardIndex:
    """Read a shard from end to end, and note where its records are.

    Raises:
        GzError: the shard cannot be opened.
    """
    read: list[tuple[int, int, int]] = []  # it grows with the file, and not with a number of the manifest
    lost = None
    try:
        with shard.path.open("rb", buffering=_BUFFER) as file:
            for _ in range(shard.records):
                read.append(_next_entry(file))
    except DamagedRecord as error:
        lost = Lost(len(read), str(error))
    except OSError as error:
        raise GzError(f"The shard {shard.path} cannot be read ({error.strerror}).") from None
    if shard.records - len(read) > MOST_LOST:
        raise GzError(f"The shard {shard.path} has {len(read)} records; the manifest says {shard.records}.")
    entries = np.full(shard.records, -1, ENTRY)
    entries[: len(read)] = read
    return ShardIndex(entries, lost)


def _next_entry(file: BinaryIO) -> tuple[int, int, int]:
    offset = file.tell()
    header = file.read(HEADER.size)
    if not header:
        raise DamagedRecord("the file ends before it")
    length = length_in(header)
    frame = header + file.read(length + OVERHEAD - HEADER.size)
    if len(frame) < length + OVERHEAD:
        raise DamagedRecord("the file ends within it")
    return offset, length, _view_in(frame, length)


def _view_in(frame: bytes, length: int) -> int:
    try:
        return view_in(unframe(frame, length))
    except DamagedRecord:
        return -1  # it is reported when the record is read


def _read(path: Path, shard: Shard) -> Entries | None:
    """A kept index, if it is whole and of this very file."""
    head = _head(shard.records)
    try:
        data = read_bytes(path, len(head) + shard.records * ENTRY.itemsize)
        size = shard.path.stat().st_size
    except (OSError, BadDocument):
        return None
    if not data.startswith(head) or len(data) != len(head) + shard.records * ENTRY.itemsize or size != shard.bytes:
        return None
    entries = np.frombuffer(data, ENTRY, offset=len(head))
    ends = entries["offset"] + entries["length"] + OVERHEAD
    starts = np.concatenate(([0], ends))
    return entries if (starts[:-1] == entries["offset"]).all() and starts[-1] == size else None


def _head(records: int) -> bytes:
    """What numpy writes before an array of so many entries. No other header is believed."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": ENTRY.descr, "fortran_order": False, "shape": (records,)})
    return head.getvalue()


def _keep(path: Path, entries: Entries) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written, or a full disk: it is made anew next time
        path.parent.mkdir(parents=True, exist_ok=True)
        with appearing(path) as file:
            np.save(file, entries)
