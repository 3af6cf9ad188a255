"""Which command makes a dataset folder again: ``gzprep run``, or ``gzprep merge`` where it was joined."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from gzcore.dataset.layout import MERGED, MERGING
from gzcore.errors import GzError
from gzcore.storage.places import Place

_LOOKED_AT = 1000
"""Names in a folder that are looked at."""


def remake(root: Place) -> str:
    """What to do about a folder of which something is lost or damaged."""
    again = "with the folders that were joined" if was_joined(root) else "again"
    return f"run {command(root)} {again}"


def command(root: Place) -> str:
    """The command that makes or finishes a folder; ``gzprep merge`` needs ``--overwrite`` where there are files."""
    return f"gzprep merge FOLDER FOLDER --out {root} --overwrite" if was_joined(root) else f"gzprep run --out {root}"


def was_joined(root: Place) -> bool:
    """Whether ``gzprep merge`` made a folder.

    The manifest may be damaged or gone, so the other files tell: what the command left, or the names of shards.
    """
    with suppress(OSError, GzError):
        if (root / MERGING).is_file():
            return True
    return any(path.name.startswith(f"{MERGED}-") and ".tfrecord-" in path.name for path in inside(root))


def inside(root: Place) -> Iterator[Place]:
    """Some of what is in a folder; nothing if it cannot be listed, which is no reason to say less of it."""
    with suppress(OSError, GzError):
        yield from islice(root.iterdir(), _LOOKED_AT)
