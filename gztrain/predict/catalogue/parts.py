"""The parts of a catalogue: a file each, which appears whole and is made once.

Three things go on at the same time: threads decode the images of the next batch, the network looks at this one, and a
thread of its own finds the images of the next part and writes the rows of the last one.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.storage.atomic import appearing
from gzcore.storage.damage import DAMAGE
from gztrain.predict.catalogue.rows import Look, Read, RowMaker
from gztrain.predict.images import BATCH

_IDENTITY = b"gztrain.part"
Advance = Callable[[int], Any]
"""Told how many more galaxies are done."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a catalogue.

    Attributes:
        path: the file that they are written to.
        ids: N names.
        source: N rows of the catalogue that is read.
        images: N files; None where there is none.
        identity: hash of all that decides the rows.
        made: the rows, if they are there already.
    """

    path: Path
    ids: Sequence[str]
    source: pa.Table
    images: Sequence[Path | None]
    identity: str
    made: pa.Table | None


class Made(NamedTuple):
    """A part that is there: its file, its rows, and whether it was there before this command."""

    path: Path
    rows: pa.Table
    before: bool


class _Batch(NamedTuple):
    """Images of a part that are being read; None if the part is there already. ``last``: of this part."""

    part: Part
    coming: Iterator[Read] | None
    last: bool


def open_part(path: Path, said: str, ids: Sequence[str], source: pa.Table, images: Sequence[Path | None]) -> Part:
    """Look whether a part is there already, made of the same.

    Args:
        path: its file.
        said: what decides the rows of all parts.
        ids: N names.
        source: N rows of the catalogue that is read.
        images: N files; None where there is none.
    """
    identity = _identity(said, source, images)
    return Part(path, ids, source, images, identity, _finished(path, identity))


def _identity(said: str, source: pa.Table, images: Sequence[Path | None]) -> str:
    """Hash of all that decides the rows of a part; of an image its name, size and time stand for its bytes."""
    digest = hashlib.blake2b(said.encode(), digest_size=32)
    digest.update(repr(source.to_pydict()).encode(errors="surrogateescape"))
    for path in images:
        state = None if path is None else os.stat(path)  # noqa: PTH116 -- a third of the time of Path.stat
        digest.update(repr(state and (str(path), state.st_size, state.st_mtime_ns)).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _finished(path: Path, identity: str) -> pa.Table | None:
    """The rows of a part that is there and made of the same; else None."""
    try:
        table = pq.read_table(path)
    except DAMAGE:
        return None
    return table if (table.schema.metadata or {}).get(_IDENTITY) == identity.encode() else None


def make_parts(maker: RowMaker, parts: Iterator[Part], advance: Advance) -> Iterator[Made]:
    """Make the parts that are not there, and yield all of them in their order.

    Args:
        maker: makes rows.
        parts: what is asked for; the next one is asked for while this one is made.
        advance: told how many more galaxies are done.
    """
    with ThreadPoolExecutor(1) as clerk:
        looks: list[Look] = []
        writing: deque[Future[Made]] = deque()
        for part, coming, last in _batches(maker, _ahead(clerk, parts)):
            if part.made is not None:
                writing.append(clerk.submit(Made, part.path, part.made, before=True))
                advance(len(part.ids))
            elif coming is not None:
                looks.append(maker.look(list(coming)))
                advance(len(looks[-1].crops))
                if last:
                    writing.append(clerk.submit(_write, maker, part, looks))
                    looks = []
            while len(writing) > 1:
                yield writing.popleft().result()
        yield from (future.result() for future in writing)


def _ahead(clerk: Executor, parts: Iterator[Part]) -> Iterator[Part]:
    """Yield parts; the next one is made ready meanwhile."""
    coming = clerk.submit(next, parts, None)
    while (part := coming.result()) is not None:
        coming = clerk.submit(next, parts, None)
        yield part


def _batches(maker: RowMaker, parts: Iterator[Part]) -> Iterator[_Batch]:
    """Yield the images of all parts in batches; the next batch is decoded meanwhile, that of the next part, too."""
    held: _Batch | None = None
    for part in parts:
        starts = range(0, len(part.images), BATCH) if part.made is None else range(1)
        for start in starts:
            coming = maker.read(part.images[start : start + BATCH]) if part.made is None else None
            if held is not None:
                yield held
            held = _Batch(part, coming, start == starts[-1])
    if held is not None:
        yield held


def _write(maker: RowMaker, part: Part, looks: Sequence[Look]) -> Made:
    rows = maker.rows(part.ids, part.source, looks).replace_schema_metadata({_IDENTITY: part.identity})
    with appearing(part.path) as file:
        pq.write_table(rows, file)
    return Made(part.path, rows, before=False)
