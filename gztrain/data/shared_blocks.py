"""Memory for images that a worker process fills and its parent reads: no image is copied on the way.

A worker makes blocks of memory without a name (``memfd_create`` of Linux), so that none is left behind, however the two
processes end. The parent maps a block when it first hears of it. The first byte of a block says who has it: 1 while the
parent uses it, 0 when the parent has dropped the images. Then the worker fills it again, and no process needs a new
page of memory. New pages and copies took as long as decoding itself.
"""

import contextlib
import math
import mmap
import multiprocessing
import os
import weakref
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gzcore.console import human_bytes
from gzcore.errors import GzError
from gzcore.images import Pixels

_HEAD = mmap.PAGESIZE
"""Bytes before the images: the first one is the flag; images begin with a page."""
_FREE, _LENT = 0, 1


def can_share() -> bool:
    """Whether this system has what the blocks need: Linux, with ``/proc``."""
    return hasattr(os, "memfd_create") and Path(f"/proc/{os.getpid()}/fd").is_dir()


class Handle(NamedTuple):
    """How another process finds a block: the process that made it, its number there, its descriptor, bytes."""

    process: int
    number: int
    descriptor: int
    size: int


class _Block:
    """A block of this process. It is free when no array of either process refers to it."""

    def __init__(self, number: int, size: int) -> None:
        self._descriptor = os.memfd_create("gztrain", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor).atexit = False
        os.ftruncate(self._descriptor, size)
        self.memory = mmap.mmap(self._descriptor, size)
        self.handle = Handle(os.getpid(), number, self._descriptor, size)
        self._used_here = False

    @property
    def free(self) -> bool:
        return not self._used_here and self.memory[0] == _FREE

    def images(self, shape: tuple[int, ...]) -> Pixels:
        images: Pixels = np.ndarray(shape, np.uint8, buffer=self.memory, offset=_HEAD)
        self._used_here = True
        weakref.finalize(images, self._drop).atexit = False
        return images

    def _drop(self) -> None:
        self._used_here = False


class SharedBlocks:
    """The blocks of a worker process; it makes them in one thread."""

    def __init__(self) -> None:
        """Begin with no memory."""
        self._blocks: list[_Block] = []
        self._made = 0

    def take(self, shape: tuple[int, ...]) -> Pixels:
        """Memory for images of some shape, uint8 [B, H, W, 3], which :meth:`lend` can hand to the parent."""
        size = _HEAD + max(math.prod(shape), 1)
        self._blocks = [block for block in self._blocks if block.handle.size >= size or not block.free]
        fits = (block for block in self._blocks if block.free and block.handle.size >= size)
        return (next(fits, None) or self._make(size)).images(shape)

    def _make(self, size: int) -> _Block:
        try:
            block = _Block(self._made, size)
        except OSError:
            raise GzError(
                f"The images of one batch take {human_bytes(size)}, which this machine does not give; choose a smaller "
                "batch."
            ) from None
        self._made += 1
        self._blocks.append(block)
        return block

    def lend(self, images: Pixels) -> Handle | None:
        """Say where images of :meth:`take` are, for one other process; None: they are elsewhere.

        The memory stays as it is until that process has opened the images and has dropped them.
        """
        memory: object = images.base
        for block in self._blocks:
            if block.memory is memory:
                block.memory[0] = _LENT
                return block.handle
        return None


# ---------------------------------------------------------------- in the parent


_opened: dict[tuple[int, int], mmap.mmap] = {}
"""Blocks that this process has mapped, by process and number; those of a process that has ended are dropped."""


def open_images(handle: Handle, shape: tuple[int, ...]) -> Pixels:
    """The images that another process has lent, uint8 [B, H, W, 3]. When they are dropped, it may use the memory again.

    Raises:
        GzError: the other process has ended.
    """
    memory = _opened.get(handle[:2]) or _map(handle)
    images: Pixels = np.ndarray(shape, np.uint8, buffer=memory, offset=_HEAD)
    weakref.finalize(images, _give_back, memory, os.getpid()).atexit = False
    return images


def _map(handle: Handle) -> mmap.mmap:
    path = Path(f"/proc/{handle.process}/fd/{handle.descriptor}")
    try:
        with path.open("r+b", buffering=0) as file:
            memory = mmap.mmap(file.fileno(), handle.size)
    except OSError as error:
        raise GzError(
            f"The memory of worker process {handle.process} cannot be opened ({error.strerror}); it may have ended."
        ) from None
    _keep(handle, memory)
    return memory


def _keep(handle: Handle, memory: mmap.mmap) -> None:
    """Keep a mapped block for as long as its process lives."""
    workers = {process.pid: process for process in multiprocessing.active_children()}
    for key in [key for key in _opened if key[0] not in workers]:
        _opened.pop(key, None)
    if handle.process in workers:
        _opened[handle[:2]] = memory
        weakref.finalize(workers[handle.process], _opened.pop, handle[:2], None).atexit = False


def _give_back(memory: mmap.mmap, process: int) -> None:
    if os.getpid() == process:  # a process that was forked has copies of our arrays; dropping these says nothing
        with contextlib.suppress(ValueError):
            memory[0] = _FREE
