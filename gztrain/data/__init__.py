"""From shards to batches: one order of records, two readers."""

from importlib.util import find_spec
from typing import Literal

from gzcore.errors import UsageError
from gzcore.machine import cores
from gztrain.data.batch import Batch, Reader
from gztrain.data.buffers import ImageBuffers
from gztrain.data.damage import Damage
from gztrain.data.order import draws, order
from gztrain.data.selection import Selection, select

READERS = ("auto", "tf", "native")
ReaderName = Literal["auto", "tf", "native"]

__all__ = ["READERS", "Batch", "Damage", "Reader", "ReaderName", "Selection", "draws", "open_reader", "order", "select"]


def open_reader(
    name: str = "auto",
    *,
    threads: int | None = None,
    prefetch: int = 2,
    skip_damaged: bool = False,
    buffers: ImageBuffers | None = None,
) -> Reader:
    """Choose how shards are read. All readers give the same batches, to the last bit.

    ``auto`` is ``native``, with every backend.

    Args:
        name: ``auto``, ``tf`` or ``native``.
        threads: how many decode; None: one a core that we may use.
        prefetch: batches that are made ready ahead.
        skip_damaged: leave damaged records out, and count them in the reader's ``damage``; else the first one stops.
        buffers: memory that ``native`` uses again, where several readers follow one another; None: its own.

    Raises:
        UsageError: there is no such reader, or a number is out of range.
    """
    wanted = cores() if threads is None else threads
    if wanted < 1 or prefetch < 0:
        raise UsageError(f"A reader needs 1 thread or more and a prefetch of 0 or more; got {wanted} and {prefetch}.")
    damage = Damage(skip=skip_damaged)
    if name in ("auto", "native"):
        from gztrain.data.native_reader import NativeReader

        return NativeReader(wanted, prefetch, damage, buffers or ImageBuffers())
    if name == "tf":
        if find_spec("tensorflow") is None:
            raise UsageError("The reader tf needs TensorFlow, which is not installed; choose the reader native.")
        from gztrain.data.tf_reader import TfReader

        return TfReader(wanted, prefetch, damage)
    raise UsageError(f"There is no reader {name!r}; choose one of {', '.join(READERS)}.")
